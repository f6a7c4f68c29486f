package io.bailey.volume;

import java.util.Arrays;

/**
 * Block numbers to slots: open addressing with linear probing, and deletion that moves what follows
 * back (Knuth, 6.4 R), so that there are no tombstones. Not thread-safe.
 */
final class LongIntMap {
  static final int NONE = -1;
  private static final int MIN_CAPACITY = 64;

  private long[] keys = new long[MIN_CAPACITY];
  private int[] values = filled(MIN_CAPACITY);
  private int size;

  int size() {
    return size;
  }

  /** The value of a key, or {@link #NONE}. */
  int get(long key) {
    int mask = keys.length - 1;
    for (int i = slot(key, mask); ; i = (i + 1) & mask) {
      if (values[i] == NONE || keys[i] == key) {
        return values[i];
      }
    }
  }

  /** Sets a value, 0 or above, and returns the one before, or {@link #NONE}. */
  int put(long key, int value) {
    int mask = keys.length - 1;
    int i = slot(key, mask);
    while (values[i] != NONE && keys[i] != key) {
      i = (i + 1) & mask;
    }
    int before = values[i];
    keys[i] = key;
    values[i] = value;
    if (before == NONE && ++size > keys.length / 2) {
      grow();
    }
    return before;
  }

  /** Removes a key and returns its value, or {@link #NONE}. */
  int remove(long key) {
    int mask = keys.length - 1;
    int hole = slot(key, mask);
    while (values[hole] != NONE && keys[hole] != key) {
      hole = (hole + 1) & mask;
    }
    int removed = values[hole];
    if (removed == NONE) {
      return NONE;
    }
    size--;
    for (int i = (hole + 1) & mask; values[i] != NONE; i = (i + 1) & mask) {
      int home = slot(keys[i], mask);
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        keys[hole] = keys[i];
        values[hole] = values[i];
        hole = i;
      }
    }
    values[hole] = NONE;
    return removed;
  }

  /** All keys, ascending. */
  long[] sortedKeys() {
    long[] sorted = new long[size];
    int n = 0;
    for (int i = 0; i < keys.length; i++) {
      if (values[i] != NONE) {
        sorted[n++] = keys[i];
      }
    }
    Arrays.sort(sorted);
    return sorted;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldValues = values;
    keys = new long[2 * oldKeys.length];
    values = filled(keys.length);
    size = 0;
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldValues[i] != NONE) {
        put(oldKeys[i], oldValues[i]);
      }
    }
  }

  private static int slot(long key, int mask) {
    return (int) ((key * 0x9E3779B97F4A7C15L) >>> 32) & mask;
  }

  private static int[] filled(int length) {
    int[] values = new int[length];
    Arrays.fill(values, NONE);
    return values;
  }
}
