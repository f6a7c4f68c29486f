package io.bailey.volume;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Ends a test that hangs: one thread that calls {@link #alive} less than once in 5 seconds is
 * interrupted. The seconds are the watchdog's own, so that on a busy machine they are longer.
 */
final class Watchdog implements AutoCloseable {
  private static final int TICKS = 100;
  private static final int TICK_MILLIS = 50;

  private final Thread watched = Thread.currentThread();
  private final Thread thread =
      Thread.ofPlatform().daemon().name("watchdog").unstarted(this::watch);
  private volatile String now = "";
  private final AtomicInteger beats = new AtomicInteger();
  private volatile boolean closed;
  private volatile @Nullable AssertionError hung;

  Watchdog() {
    thread.start();
  }

  /** Says what is done next. */
  void alive(String what) {
    failIfHung();
    now = what;
    beats.incrementAndGet();
  }

  private void watch() {
    int seen = beats.get();
    int ticks = 0;
    while (!closed && ticks < TICKS) {
      try {
        TimeUnit.MILLISECONDS.sleep(TICK_MILLIS);
      } catch (InterruptedException e) {
        return;
      }
      int next = beats.get();
      ticks = next == seen ? ticks + 1 : 0;
      seen = next;
    }
    if (!closed) {
      hung = new AssertionError(now + " hangs at " + Arrays.toString(watched.getStackTrace()));
      watched.interrupt();
    }
  }

  private void failIfHung() {
    AssertionError error = hung;
    if (error != null) {
      throw error;
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    failIfHung();
  }
}
