package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How fast a write buffer may fill while the one before it is being emptied, so that writers are
 * slowed down evenly and don't find all slots taken. Who is ahead by more than 0 waits a little at
 * each write, the longer the further ahead. Thread-safe.
 */
final class WritePace {
  /** The share of its capacity that a buffer may fill before anything of the frozen one is gone. */
  private static final double HEAD_START = 0.25;

  /** The share that it may fill once only the end of the run is still to be written. */
  private static final double MOST = 0.85;

  /** The part of the host's slots under which everybody slows down. */
  private static final double LOW = 1.0 / 16;

  /** How much longer a write is held up that is its whole capacity ahead. */
  private static final double GAIN = 8;

  private static final long MIN_DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
  private static final long MAX_DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(30);
  private static final long DELAY_NANOS_PER_BLOCK = TimeUnit.MICROSECONDS.toNanos(200);

  private final AtomicInteger emptied = new AtomicInteger();
  private volatile int toEmpty = 1;

  /** A cursor over a buffer that is being emptied, with its entries counted. */
  Cursor counting(Cursor entries, int count) {
    emptied.set(0);
    toEmpty = Math.max(1, count);
    return () -> {
      emptied.setRelease(emptied.getPlain() + 1);
      return entries.next();
    };
  }

  /**
   * How far a buffer is ahead of the one that is being emptied, in parts of its capacity.
   *
   * @param capacity slots that it could have at most
   */
  double lead(int slots, int capacity) {
    double done = Math.min(1, (double) emptied.get() / toEmpty);
    return (double) slots / capacity - (HEAD_START + done * (MOST - HEAD_START));
  }

  /** How far all buffers together are ahead: above 0 where the host has few slots left. */
  static double lead(SlabPool pool) {
    return 1 - pool.available() / (LOW * pool.capacity());
  }

  /** Whether a buffer is so full that it is worth emptying where nothing else is to be done. */
  static boolean isWorthEmptying(int slots, int capacity) {
    return slots >= capacity * (MOST - 0.1);
  }

  /** How long one write of so many blocks may be held up for the sake of pace. */
  static long delayNanos(int blocks, double lead) {
    long least = Math.max(blocks * DELAY_NANOS_PER_BLOCK, MIN_DELAY_NANOS);
    return Math.min((long) (least * (1 + GAIN * lead)), MAX_DELAY_NANOS);
  }
}
