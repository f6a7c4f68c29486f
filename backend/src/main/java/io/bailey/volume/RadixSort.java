package io.bailey.volume;

/**
 * Sorting by digits, least first (Knuth, 5.2.5 R): of 65,000 block numbers it takes less than half
 * of what a sort by comparison does, and in a process that has just begun, there is less to
 * compile.
 */
final class RadixSort {
  private static final int DIGIT_BITS = 8;
  private static final int DIGITS = 1 << DIGIT_BITS;

  private RadixSort() {}

  /** The indexes of the first {@code size} keys, by ascending keys. */
  static int[] order(long[] keys, int size) {
    int[] order = new int[size];
    long different = 0;
    for (int i = 0; i < size; i++) {
      order[i] = i;
      different |= keys[i] ^ keys[0];
    }
    int[] next = new int[size];
    for (int shift = 0; shift < Long.SIZE; shift += DIGIT_BITS) {
      if (digit(different, shift) == 0) {
        continue;
      }
      // Negative numbers come first: their highest bit counts the other way round.
      int flipped = shift == Long.SIZE - DIGIT_BITS ? DIGITS / 2 : 0;
      int[] places = new int[DIGITS];
      for (int i = 0; i < size; i++) {
        places[digit(keys[i], shift) ^ flipped]++;
      }
      int place = 0;
      for (int digit = 0; digit < DIGITS; digit++) {
        int count = places[digit];
        places[digit] = place;
        place += count;
      }
      for (int i : order) {
        next[places[digit(keys[i], shift) ^ flipped]++] = i;
      }
      int[] sorted = next;
      next = order;
      order = sorted;
    }
    return order;
  }

  private static int digit(long key, int shift) {
    return (int) (key >>> shift) & (DIGITS - 1);
  }
}
