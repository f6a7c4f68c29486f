package io.bailey.volume;

import java.util.Arrays;

/**
 * Block numbers to slots. No call takes longer the more there are: it is extendible hashing (Fagin,
 * Nievergelt, Pippenger and Strong, 1979), in which a table that is full is split in two. A table
 * has open addressing with linear probing, and deletion that moves what follows back (Knuth, 6.4
 * R), so that there are no tombstones. Not thread-safe.
 */
final class LongIntMap {
  static final int NONE = -1;
  private static final int MIN_CAPACITY = 64;

  /** Places of a table from which on it is split, and not made larger. */
  private static final int SPLIT_CAPACITY = 4096;

  /** Fewer keys for each part of the directory, and tables are made larger instead of it. */
  private static final int MIN_KEYS_A_PART = 256;

  /** The keys whose hashes begin with the same bits. */
  private static final class Table {
    final int bits;
    long[] keys;
    int[] values;
    int size;

    /** Keys with which it is full. */
    int limit;

    Table(int bits, int capacity, int limit) {
      this.bits = bits;
      this.limit = limit;
      keys = new long[capacity];
      values = new int[capacity];
      Arrays.fill(values, NONE);
    }

    /** The place of a key, or the free one where it belongs. */
    int find(long key, long hash) {
      int mask = keys.length - 1;
      int i = (int) hash & mask;
      while (values[i] != NONE && keys[i] != key) {
        i = (i + 1) & mask;
      }
      return i;
    }

    /** Adds a key that isn't there; there is room. */
    void add(long key, int value) {
      int i = find(key, hash(key));
      keys[i] = key;
      values[i] = value;
      size++;
    }

    void removeAt(int place) {
      int mask = keys.length - 1;
      int hole = place;
      for (int i = (hole + 1) & mask; values[i] != NONE; i = (i + 1) & mask) {
        int home = (int) hash(keys[i]) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
          keys[hole] = keys[i];
          values[hole] = values[i];
          hole = i;
        }
      }
      values[hole] = NONE;
      size--;
    }

    void grow(int nextLimit) {
      Table larger = new Table(bits, 2 * keys.length, nextLimit);
      for (int i = 0; i < keys.length; i++) {
        if (values[i] != NONE) {
          larger.add(keys[i], values[i]);
        }
      }
      keys = larger.keys;
      values = larger.values;
      limit = nextLimit;
    }
  }

  /**
   * Tables by the first {@link #depth} bits of the hash; one with fewer bits is there repeatedly.
   */
  private Table[] directory;

  private int depth;

  /** Limits given out. */
  private long limits;

  private int size;

  /** Of all tables. */
  private long capacity;

  LongIntMap() {
    clear();
  }

  int size() {
    return size;
  }

  /** Bytes of memory it takes, about. */
  long memoryBytes() {
    return capacity * (Long.BYTES + Integer.BYTES) + (long) directory.length * Integer.BYTES;
  }

  /** The value of a key, or {@link #NONE}. */
  int get(long key) {
    long hash = hash(key);
    Table table = directory[part(hash)];
    return table.values[table.find(key, hash)];
  }

  /** Sets a value, 0 or above, and returns the one before, or {@link #NONE}. */
  int put(long key, int value) {
    long hash = hash(key);
    Table table = directory[part(hash)];
    int i = table.find(key, hash);
    int before = table.values[i];
    table.keys[i] = key;
    table.values[i] = value;
    if (before == NONE) {
      size++;
      if (++table.size > table.limit) {
        makeRoom(table, hash);
      }
    }
    return before;
  }

  /** Removes a key and returns its value, or {@link #NONE}. */
  int remove(long key) {
    long hash = hash(key);
    Table table = directory[part(hash)];
    int i = table.find(key, hash);
    int removed = table.values[i];
    if (removed != NONE) {
      table.removeAt(i);
      size--;
    }
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
    long[] found = new long[16];
    int n = 0;
    for (int part = 0; part < directory.length; part += parts(directory[part])) {
      Table table = directory[part];
      for (int i = 0; i < table.keys.length; i++) {
        if (table.values[i] != NONE && table.keys[i] >= first && table.keys[i] < end) {
          if (n == found.length) {
            found = Arrays.copyOf(found, Math.min(size, 2 * n));
          }
          found[n++] = table.keys[i];
        }
      }
    }
    int[] order = RadixSort.order(found, n);
    long[] sorted = new long[n];
    for (int i = 0; i < n; i++) {
      sorted[i] = found[order[i]];
    }
    return sorted;
  }

  /** All values, in no order. */
  int[] values() {
    int[] all = new int[size];
    int n = 0;
    for (int part = 0; part < directory.length; part += parts(directory[part])) {
      for (int value : directory[part].values) {
        if (value != NONE) {
          all[n++] = value;
        }
      }
    }
    return all;
  }

  void clear() {
    directory = new Table[] {new Table(0, MIN_CAPACITY, limit(MIN_CAPACITY))};
    depth = 0;
    size = 0;
    capacity = MIN_CAPACITY;
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

  /** Keys chosen to have hashes that begin alike get a large table, and no large directory. */
  private void makeRoom(Table table, long hash) {
    capacity += table.keys.length;
    if (table.keys.length < SPLIT_CAPACITY
        || (table.bits == depth && size < (long) directory.length * MIN_KEYS_A_PART)) {
      table.grow(limit(2 * table.keys.length));
    } else {
      split(table, hash);
    }
  }

  private void split(Table table, long hash) {
    if (table.bits == depth) {
      Table[] twice = new Table[2 * directory.length];
      for (int i = 0; i < twice.length; i++) {
        twice[i] = directory[i / 2];
      }
      directory = twice;
      depth++;
    }
    int places = table.keys.length;
    Table[] halves = {
      new Table(table.bits + 1, places, limit(places)),
      new Table(table.bits + 1, places, limit(places))
    };
    for (int i = 0; i < table.keys.length; i++) {
      if (table.values[i] != NONE) {
        long bit = hash(table.keys[i]) >>> (31 - table.bits) & 1;
        halves[(int) bit].add(table.keys[i], table.values[i]);
      }
    }
    int each = parts(halves[0]);
    int first = part(hash) & -2 * each;
    Arrays.fill(directory, first, first + each, halves[0]);
    Arrays.fill(directory, first + each, first + each + 1, halves[1]);
  }

  /**
   * From two to three fifths of the places, another each time: tables that fill evenly would all be
   * split at once, and what is made at once the garbage collector copies in one pause.
   */
  private int limit(int places) {
    long spread = (++limits * 0x9E3779B97F4A7C15L) >>> 32;
    return places * 3 / 5 - (int) ((spread * (places / 5)) >>> 32);
  }

  /** How often a table is in the directory. */
  private int parts(Table table) {
    return 1 << (depth - table.bits);
  }

  private int part(long hash) {
    return (int) (hash >>> (32 - depth));
  }

  /** 32 bits. */
  private static long hash(long key) {
    return (key * 0x9E3779B97F4A7C15L) >>> 32;
  }
}
