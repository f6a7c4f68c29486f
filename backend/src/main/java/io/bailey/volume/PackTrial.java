package io.bailey.volume;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Whether it is worth compressing the next block of a volume: where blocks don't get small, ever
 * fewer are tried, down to one of sixteen. Thread-safe; who comes between is miscounted a little.
 */
final class PackTrial {
  private static final int MOST_LEFT_OUT = 15;

  private final AtomicInteger leftOut = new AtomicInteger();
  private volatile int next;

  /** Whether to try the next block. */
  boolean isDue() {
    return leftOut.get() <= 0 || leftOut.getAndDecrement() <= 0;
  }

  /** Says whether a block that was tried got small. */
  void ended(boolean small) {
    if (small) {
      if (next != 0) {
        next = 0;
      }
    } else {
      int more = Math.min(2 * next + 1, MOST_LEFT_OUT);
      next = more;
      leftOut.set(more);
    }
  }
}
