package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;

/**
 * The newest of some writes: a number for each block that has bytes, over ranges of zeros. A
 * block's number is newer than a range that covers it, for making a range drops the numbers under
 * it. Not thread-safe.
 */
final class BlockMap {
  private static final long RANGE_BYTES = 80;

  private final LongIntMap numbers = new LongIntMap();

  /** First block to the block after the last; no two touch or overlap. */
  private final TreeMap<Long, Long> zeros = new TreeMap<>();

  private final IntConsumer dropped;

  /**
   * @param dropped hears of each number that something newer took the place of
   */
  BlockMap(IntConsumer dropped) {
    this.dropped = dropped;
  }

  /** Blocks that have a number. */
  int size() {
    return numbers.size();
  }

  boolean isEmpty() {
    return numbers.size() == 0 && zeros.isEmpty();
  }

  /** Bytes of memory it takes, about. */
  long memoryBytes() {
    return numbers.memoryBytes() + zeros.size() * RANGE_BYTES;
  }

  /** The number of a block, or {@link LongIntMap#NONE}. */
  int get(long block) {
    return numbers.get(block);
  }

  /** Whether a block without a number is zeros here, and not older data's matter. */
  boolean isZero(long block) {
    if (zeros.isEmpty()) {
      return false;
    }
    Map.Entry<Long, Long> range = zeros.floorEntry(block);
    return range != null && block < range.getValue();
  }

  void put(long block, int number) {
    int before = numbers.put(block, number);
    if (before != LongIntMap.NONE) {
      dropped.accept(before);
    }
  }

  void putZeros(long first, long blocks) {
    long end = first + blocks;
    if (blocks <= numbers.size()) {
      for (long block = first; block < end; block++) {
        drop(block);
      }
    } else {
      for (long block : numbers.sortedKeys(first, end)) {
        drop(block);
      }
    }
    addRange(first, end);
  }

  private void drop(long block) {
    int number = numbers.remove(block);
    if (number != LongIntMap.NONE) {
      dropped.accept(number);
    }
  }

  private void addRange(long first, long end) {
    long from = first;
    long to = end;
    Map.Entry<Long, Long> before = zeros.floorEntry(first);
    if (before != null && before.getValue() >= first) {
      from = before.getKey();
      to = Math.max(to, before.getValue());
    }
    Map<Long, Long> covered = zeros.subMap(from, true, to, true);
    for (long coveredEnd : covered.values()) {
      to = Math.max(to, coveredEnd);
    }
    covered.clear();
    zeros.put(from, to);
  }

  /** The blocks that have a number, in order. */
  long[] sortedBlocks() {
    return numbers.sortedKeys();
  }

  /** Entries of the blocks that have a number, with the zeros around them. */
  Cursor over(Cursor values) {
    if (zeros.isEmpty()) {
      return values;
    }
    var ranges = zeros.entrySet().iterator();
    Cursor zeroRanges =
        () -> {
          if (!ranges.hasNext()) {
            return null;
          }
          Map.Entry<Long, Long> range = ranges.next();
          return new Entry.Zeros(range.getKey(), range.getValue());
        };
    return Cursor.overlay(values, zeroRanges);
  }

  /** What lies in a range, in order: first block, block after the last, 1 for data. */
  List<long[]> pieces(long first, long end) {
    List<long[]> pieces = new ArrayList<>();
    if (isEmpty()) {
      return pieces;
    }
    long[] keys = numbers.sortedKeys(first, end);
    int i = 0;
    Map.Entry<Long, Long> covering = zeros.floorEntry(first);
    long from = covering != null && covering.getValue() > first ? covering.getKey() : first;
    for (Map.Entry<Long, Long> range : zeros.subMap(from, true, end, false).entrySet()) {
      long zeroFrom = Math.max(first, range.getKey());
      long zeroTo = Math.min(end, range.getValue());
      for (; i < keys.length && keys[i] < zeroTo; i++) {
        if (keys[i] > zeroFrom) {
          addPiece(pieces, zeroFrom, keys[i], 0);
        }
        addPiece(pieces, keys[i], keys[i] + 1, 1);
        zeroFrom = Math.max(zeroFrom, keys[i] + 1);
      }
      if (zeroTo > zeroFrom) {
        addPiece(pieces, zeroFrom, zeroTo, 0);
      }
    }
    for (; i < keys.length; i++) {
      addPiece(pieces, keys[i], keys[i] + 1, 1);
    }
    return pieces;
  }

  private static void addPiece(List<long[]> pieces, long from, long to, long data) {
    pieces.add(new long[] {from, to, data});
  }

  /** Empties the map and returns the numbers that it had, in no order. */
  int[] takeAll() {
    int[] all = numbers.values();
    numbers.clear();
    zeros.clear();
    return all;
  }
}
