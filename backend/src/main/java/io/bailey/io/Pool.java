package io.bailey.io;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Things that are dear to make, kept for whoever needs one next; a few at most. Thread-safe.
 *
 * <p>Design note: not a thread-local, because virtual threads come and go and each would make its
 * own.
 */
public final class Pool<T> {
  private final int most;
  private final ConcurrentLinkedQueue<T> free = new ConcurrentLinkedQueue<>();
  private final AtomicInteger count = new AtomicInteger();

  /**
   * @param most about how many are kept; who gives one more leaves it to the garbage collector
   */
  public Pool(int most) {
    this.most = most;
  }

  /** One that was given, in whatever state it was then; null if there is none. */
  public @Nullable T poll() {
    T found = free.poll();
    if (found != null) {
      count.decrementAndGet();
    }
    return found;
  }

  public void give(T thing) {
    if (count.get() < most) {
      count.incrementAndGet();
      free.add(thing);
    }
  }
}
