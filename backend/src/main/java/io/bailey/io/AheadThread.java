package io.bailey.io;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Threads that get ready, ahead of need, what others would have to wait for. */
public final class AheadThread {
  private AheadThread() {}

  /**
   * One thread, which is there while there is work for it and a second longer, and doesn't keep the
   * process from ending. Where the system has no thread to give, who asks does the work itself.
   * Thread-safe.
   *
   * @param prefix of its name, before a number
   */
  public static Executor named(String prefix) {
    return of(Thread.ofPlatform().daemon().name(prefix, 0).factory());
  }

  static Executor of(ThreadFactory factory) {
    ThreadPoolExecutor thread =
        new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
    thread.allowCoreThreadTimeOut(true);
    return task -> {
      try {
        thread.execute(task);
      } catch (OutOfMemoryError e) {
        task.run();
      }
    };
  }
}
