package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import java.util.Arrays;
import java.util.List;

/**
 * Where in the journal the newest values of a volume lie, over ranges of zeros: 60 to 84 bytes of
 * memory a block. Guarded by the volume's lock; once frozen it doesn't change and may be read
 * without.
 */
final class JournalIndex {
  private static final int MIN_ENTRIES = 16;
  private static final int NONE = LongIntMap.NONE;
  private static final int ENTRY_BYTES = 3 * Long.BYTES + Long.BYTES + 2 * Short.BYTES;

  private final BlockMap entries = new BlockMap(this::free);
  private int used;
  private int firstFree = NONE;

  /** Of an entry in use, where its value lies; of a free one, the next free one. */
  private long[] place = new long[0];

  private long[] counter = new long[0];
  private long[] tagHigh = new long[0];
  private long[] tagLow = new long[0];
  private short[] size = new short[0];
  private short[] epoch = new short[0];

  /** Blocks that have a value. */
  int blockCount() {
    return entries.size();
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  /** Bytes of memory it takes, about. */
  long memoryBytes() {
    return entries.memoryBytes() + (long) place.length * ENTRY_BYTES;
  }

  /** The entry of a block's value, or {@link LongIntMap#NONE}. */
  int entry(long block) {
    return entries.get(block);
  }

  /** Whether a block without an entry is zeros here, and not older data's matter. */
  boolean isZero(long block) {
    return entries.isZero(block);
  }

  /** Where in the log an entry's value lies. */
  long place(int entry) {
    return place[entry];
  }

  /** Sealed bytes of an entry's value. */
  int size(int entry) {
    return size[entry];
  }

  /** The epoch that an entry's value is sealed in, by the number it was put with. */
  int epoch(int entry) {
    return epoch[entry];
  }

  long counter(int entry) {
    return counter[entry];
  }

  long tagHigh(int entry) {
    return tagHigh[entry];
  }

  long tagLow(int entry) {
    return tagLow[entry];
  }

  /** Takes a block's newest value in. */
  void put(
      long block, long itsPlace, int bytes, int itsEpoch, long itsCounter, long high, long low) {
    int entry = take();
    place[entry] = itsPlace;
    size[entry] = (short) bytes;
    epoch[entry] = (short) itsEpoch;
    counter[entry] = itsCounter;
    tagHigh[entry] = high;
    tagLow[entry] = low;
    entries.put(block, entry);
  }

  void putZeros(long first, long blocks) {
    entries.putZeros(first, blocks);
  }

  private int take() {
    int entry = firstFree;
    if (entry != NONE) {
      firstFree = (int) place[entry];
      return entry;
    }
    if (used == place.length) {
      int capacity = Math.max(MIN_ENTRIES, used + (used >> 1));
      place = Arrays.copyOf(place, capacity);
      counter = Arrays.copyOf(counter, capacity);
      tagHigh = Arrays.copyOf(tagHigh, capacity);
      tagLow = Arrays.copyOf(tagLow, capacity);
      size = Arrays.copyOf(size, capacity);
      epoch = Arrays.copyOf(epoch, capacity);
    }
    return used++;
  }

  private void free(int entry) {
    place[entry] = firstFree;
    firstFree = entry;
  }

  /** The blocks that have a value, in order. */
  long[] sortedBlocks() {
    return entries.sortedBlocks();
  }

  /** Entries of the blocks that have a value, with the zeros around them. */
  Cursor over(Cursor values) {
    return entries.over(values);
  }

  /** What lies in a range, in order: first block, block after the last, 1 for data. */
  List<long[]> pieces(long first, long end) {
    return entries.pieces(first, end);
  }
}
