package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import java.util.Arrays;
import java.util.List;

/**
 * Where in the journal the newest values of a volume lie, over ranges of zeros: 65 to 90 bytes of
 * memory a block. Guarded by the volume's lock; once frozen it doesn't change and may be read
 * without.
 */
final class JournalIndex {
  private static final int MIN_ENTRIES = 16;
  private static final int NONE = LongIntMap.NONE;
  private static final int ENTRY_BYTES = 3 * Long.BYTES + Long.BYTES + 2 * Short.BYTES;

  /** Entries of a page, of which an index with more has several. */
  private static final int PAGE_ENTRIES = 1024;

  private final BlockMap entries = new BlockMap(this::free);
  private int used;
  private int firstFree = NONE;
  private int capacity;

  /** Each full, but the only one, and the last. No call copies more than one. */
  private Page[] pages = new Page[1];

  /** Entries whose numbers follow each other. */
  private static final class Page {
    /** Of an entry in use, where its value lies; of a free one, the next free one. */
    final long[] place;

    final long[] counter;
    final long[] tagHigh;
    final long[] tagLow;
    final short[] size;
    final short[] epoch;

    Page(int entries) {
      place = new long[entries];
      counter = new long[entries];
      tagHigh = new long[entries];
      tagLow = new long[entries];
      size = new short[entries];
      epoch = new short[entries];
    }

    Page(Page smaller, int entries) {
      place = Arrays.copyOf(smaller.place, entries);
      counter = Arrays.copyOf(smaller.counter, entries);
      tagHigh = Arrays.copyOf(smaller.tagHigh, entries);
      tagLow = Arrays.copyOf(smaller.tagLow, entries);
      size = Arrays.copyOf(smaller.size, entries);
      epoch = Arrays.copyOf(smaller.epoch, entries);
    }
  }

  /** Blocks that have a value. */
  int blockCount() {
    return entries.size();
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  /** Bytes of memory it takes, about. */
  long memoryBytes() {
    return entries.memoryBytes() + (long) capacity * ENTRY_BYTES;
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
    return page(entry).place[at(entry)];
  }

  /** Sealed bytes of an entry's value. */
  int size(int entry) {
    return page(entry).size[at(entry)];
  }

  /** The epoch that an entry's value is sealed in, by the number it was put with. */
  int epoch(int entry) {
    return page(entry).epoch[at(entry)];
  }

  long counter(int entry) {
    return page(entry).counter[at(entry)];
  }

  long tagHigh(int entry) {
    return page(entry).tagHigh[at(entry)];
  }

  long tagLow(int entry) {
    return page(entry).tagLow[at(entry)];
  }

  /** Takes a block's newest value in. */
  void put(
      long block, long itsPlace, int bytes, int itsEpoch, long itsCounter, long high, long low) {
    int entry = take();
    Page page = page(entry);
    int at = at(entry);
    page.place[at] = itsPlace;
    page.size[at] = (short) bytes;
    page.epoch[at] = (short) itsEpoch;
    page.counter[at] = itsCounter;
    page.tagHigh[at] = high;
    page.tagLow[at] = low;
    entries.put(block, entry);
  }

  void putZeros(long first, long blocks) {
    entries.putZeros(first, blocks);
  }

  private int take() {
    int entry = firstFree;
    if (entry != NONE) {
      firstFree = (int) place(entry);
      return entry;
    }
    if (used == capacity) {
      makeRoom();
    }
    return used++;
  }

  private void makeRoom() {
    if (capacity >= PAGE_ENTRIES) {
      int page = capacity / PAGE_ENTRIES;
      if (page == pages.length) {
        pages = Arrays.copyOf(pages, 2 * page);
      }
      pages[page] = new Page(PAGE_ENTRIES);
      capacity += PAGE_ENTRIES;
    } else if (capacity > 0) {
      capacity *= 2;
      pages[0] = new Page(pages[0], capacity);
    } else {
      capacity = MIN_ENTRIES;
      pages[0] = new Page(capacity);
    }
  }

  private void free(int entry) {
    page(entry).place[at(entry)] = firstFree;
    firstFree = entry;
  }

  private Page page(int entry) {
    return pages[entry / PAGE_ENTRIES];
  }

  private static int at(int entry) {
    return entry % PAGE_ENTRIES;
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
