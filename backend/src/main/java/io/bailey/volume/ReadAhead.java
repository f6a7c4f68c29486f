package io.bailey.volume;

/**
 * Notices a reader that goes through a disk from front to back, and says what to bring into the
 * cache before it asks: as much as it has read in a row, from 256 KiB to 2 MiB. Thread-safe; what
 * several readers at a time do to its numbers costs a prefetch too many or too few.
 */
final class ReadAhead {
  private static final long MIN_BYTES = 256 << 10;
  private static final long MAX_BYTES = 2 << 20;

  /** Bytes read in a row that make a reader one that goes through the disk. */
  private static final long MIN_STREAK_BYTES = 128 << 10;

  private long streakStart;
  private long streakEnd;
  private long aheadEnd;

  /** A range to prefetch; empty where there is nothing to do. */
  record Range(long offset, long length) {
    static final Range NONE = new Range(0, 0);

    boolean isEmpty() {
      return length == 0;
    }
  }

  /** Hears of a read, and says what to prefetch. */
  synchronized Range read(long offset, int length) {
    if (offset != streakEnd) {
      streakStart = offset;
      aheadEnd = offset;
    }
    streakEnd = offset + length;
    long streak = streakEnd - streakStart;
    if (streak < MIN_STREAK_BYTES) {
      return Range.NONE;
    }
    long window = Math.clamp(streak, MIN_BYTES, MAX_BYTES);
    long from = Math.max(streakEnd, aheadEnd);
    // Half a window at a time, so that a prefetch isn't asked for at every read.
    if (from - streakEnd > window / 2) {
      return Range.NONE;
    }
    aheadEnd = streakEnd + window;
    return new Range(from, aheadEnd - from);
  }
}
