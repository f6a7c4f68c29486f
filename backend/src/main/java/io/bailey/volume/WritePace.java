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

  /** The part of the host's slots under which the fullest buffers are emptied. */
  private static final double RELIEF = 5.0 / 16;

  /** The part under which writers of ephemeral volumes slow down, soon free slots counted. */
  private static final double FEW = 3.0 / 16;

  /** The same without those. */
  private static final double LOW = 1.0 / 16;

  /** How much longer a write is held up that is its whole capacity ahead. */
  private static final double GAIN = 8;

  /** How long a record of the journal may take before it slows down who writes meanwhile. */
  private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final long MIN_DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
  private static final long MAX_DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(30);
  private static final long MAX_STEP_MILLIS = 8;
  private static final long DELAY_NANOS_PER_BLOCK = TimeUnit.MICROSECONDS.toNanos(200);

  /** Entries of a run after which the host hears of their slots. */
  private static final int COUNTED_AT_ONCE = 32;

  private final SlabPool pool;
  private final AtomicInteger emptied = new AtomicInteger();
  private volatile int toEmpty = 1;

  /** Slots that the host was told of; of who empties the buffer. */
  private int soonFree;

  WritePace(SlabPool pool) {
    this.pool = pool;
  }

  /**
   * A cursor over a buffer that is being emptied, with its entries counted until {@link #end}.
   *
   * @param slots that they are in
   */
  Cursor counting(Cursor entries, int count, int slots) {
    toEmpty = Math.max(1, count);
    return () -> {
      // Zeros may come in more pieces than they are.
      int now = Math.min(emptied.getPlain() + 1, toEmpty);
      emptied.setRelease(now);
      if (now % COUNTED_AT_ONCE == 0) {
        countSoonFree((int) ((long) now * slots / toEmpty));
      }
      return entries.next();
    };
  }

  private void countSoonFree(int slots) {
    pool.soonFree(slots - soonFree);
    soonFree = slots;
  }

  /** The run is finished and its slots are free, or it failed and none will be. */
  void end() {
    emptied.set(0);
    countSoonFree(0);
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

  /**
   * The same of a durable volume's buffer while a record is made of the one before it. Records take
   * a few milliseconds, and writers needn't wait at all; but in a process that has just begun, or
   * on a slow disk, one took a tenth of a second, and who found the buffer full all of it.
   *
   * @param most slots that a buffer may have before its writers wait for the record
   * @param taken nanoseconds that the record has taken
   */
  static double leadOfLog(int slots, int most, long taken) {
    return taken < LATE_NANOS ? 0 : (double) slots / most - HEAD_START;
  }

  /** How far all buffers together are ahead: above 0 where the host has few slots left. */
  double leadOfAll() {
    int available = pool.available();
    int usable = usable();
    double ofSoonFree = 1 - (available + pool.soonFree()) / (FEW * usable);
    return Math.max(ofSoonFree, 1 - available / (LOW * usable));
  }

  /** How many slots should be on their way out of buffers, and so free before long. */
  int missing() {
    return (int) (RELIEF * usable()) - pool.available();
  }

  /** Slots that can come back: those of volumes that were left out never do. */
  private int usable() {
    return Math.max(1, pool.capacity() - pool.stranded());
  }

  /** Whether a buffer is so full that it is worth emptying where nothing else is to be done. */
  static boolean isWorthEmptying(int slots, int capacity) {
    return slots >= capacity * (MOST - 0.1);
  }

  /** How long who is slowed down sleeps before it looks again, having done so for some time. */
  static long stepMillis(long waitedNanos) {
    return Math.clamp(TimeUnit.NANOSECONDS.toMillis(waitedNanos), 1, MAX_STEP_MILLIS);
  }

  /** How long one write of so many blocks may be held up for the sake of pace. */
  static long delayNanos(int blocks, double lead) {
    long least = Math.max(blocks * DELAY_NANOS_PER_BLOCK, MIN_DELAY_NANOS);
    return Math.min((long) (least * (1 + GAIN * lead)), MAX_DELAY_NANOS);
  }
}
