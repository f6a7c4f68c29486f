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

  /** Bytes of memory it takes, about. */
  long memoryBytes() {
    return (long) keys.length * (Long.BYTES + Integer.BYTES);
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
    return sortedKeys(Long.MIN_VALUE, Long.MAX_VALUE);
  }

  /** The keys from {@code first} to before {@code end}, ascending. */
  long[] sortedKeys(long first, long end) {
    if (end - first <= size && first >= 0) {
      return keysOfShortRange(first, end);
    }
    long[] sorted = new long[16];
    int n = 0;
    for (int i = 0; i < keys.length; i++) {
      if (values[i] != NONE && keys[i] >= first && keys[i] < end) {
        if (n == sorted.length) {
          sorted = Arrays.copyOf(sorted, Math.min(size, 2 * n));
        }
        sorted[n++] = keys[i];
      }
    }
    Arrays.sort(sorted, 0, n);
    return Arrays.copyOf(sorted, n);
  }

  /** All values, in no order. */
  int[] values() {
    int[] all = new int[size];
    int n = 0;
    for (int value : values) {
      if (value != NONE) {
        all[n++] = value;
      }
    }
    return all;
  }

  void clear() {
    keys = new long[MIN_CAPACITY];
    values = filled(MIN_CAPACITY);
    size = 0;
  }

  private long[] keysOfShortRange(long first, long end) {
    long[] found = new long[(int) (end - first)];
    int n = 0;
    for (long key = first; key < end; key++) {
      if (get(key) != NONE) {
        found[n++] = key;
      }
    }
    return Arrays.copyOf(found, n);
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
