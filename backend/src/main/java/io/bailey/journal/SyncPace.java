package io.bailey.journal;

import java.util.concurrent.TimeUnit;

/**
 * When the next sync of the log may begin. A disk that does few I/Os a second has done them all
 * when each flush gets a sync of its own, and then all wait long; so where syncs are slow and serve
 * many, those to come are gathered for a moment. On a quick disk, and for a few who flush, nobody
 * waits. Guarded by the journal's lock.
 */
final class SyncPace {
  /** A commit costs two I/Os where the segment was written before, and about five elsewhere. */
  private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private static final long FRESH_GATHER_NANOS = 2 * GATHER_NANOS;

  /** A sync that takes as long, on average, is slow. */
  private static final long SLOW_NANOS = TimeUnit.MILLISECONDS.toNanos(8);

  /** Syncs that count as of late, about: one that is slow by chance is no slow disk. */
  private static final int WINDOW = 16;

  private static final int MANY = 8;

  /** Syncs after which about two thirds of what was known of the disk are forgotten. */
  private static final int MEMORY = 4096;

  private long averageNanos;

  /** How much of the full pause is taken, 0 to 1. */
  private double slowness;

  private long lastBegan;

  /** How many waited for a sync of late. */
  private double crowd;

  /** How long the next sync has yet to wait. */
  long pauseNanos(long now, boolean writtenBefore) {
    if (crowd < MANY) {
      return 0;
    }
    long gather = writtenBefore ? GATHER_NANOS : FRESH_GATHER_NANOS;
    return lastBegan + (long) (gather * slowness) - now;
  }

  /**
   * Notes a sync.
   *
   * @param served who waited when it ended, for it or for the next
   */
  void note(long began, long ended, int served) {
    lastBegan = began;
    crowd = Math.max(served, crowd - crowd / WINDOW);
    averageNanos += (ended - began - averageNanos) / WINDOW;
    if (crowd >= MANY && averageNanos > SLOW_NANOS) {
      slowness = 1;
    } else {
      slowness -= slowness / MEMORY;
    }
  }
}
