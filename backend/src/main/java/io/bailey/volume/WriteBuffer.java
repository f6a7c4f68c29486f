package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Entry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The newest bytes of a volume's blocks: slots by block, over ranges of zeros. A block's slot is
 * newer than a range that covers it, for making a range drops the slots under it. Guarded by the
 * volume's lock; once frozen it doesn't change and may be read without.
 */
final class WriteBuffer {
  private final SlabPool pool;
  private final LongIntMap slots = new LongIntMap();

  /** First block to the block after the last; no two touch or overlap. */
  private final TreeMap<Long, Long> zeros = new TreeMap<>();

  /** The slots that stand for ranges of zeros. */
  private int[] zeroSlots = new int[4];

  private int zeroSlotCount;

  WriteBuffer(SlabPool pool) {
    this.pool = pool;
  }

  /** Slots in use. */
  int slotCount() {
    return slots.size() + zeroSlotCount;
  }

  boolean isEmpty() {
    return slots.size() == 0 && zeros.isEmpty();
  }

  /** The slot of a block's bytes, or {@link LongIntMap#NONE}. */
  int slot(long block) {
    return slots.get(block);
  }

  /** Whether a block without a slot is zeros here, and not older data's matter. */
  boolean isZero(long block) {
    if (zeros.isEmpty()) {
      return false;
    }
    Map.Entry<Long, Long> range = zeros.floorEntry(block);
    return range != null && block < range.getValue();
  }

  /** Takes a published slot in; what the block had before is given up. */
  void put(long block, int slot) {
    int before = slots.put(block, slot);
    if (before != LongIntMap.NONE) {
      pool.give(before);
    }
  }

  /** Takes a published slot in that stands for zeros. */
  void putZeros(long first, long blocks, int slot) {
    long end = first + blocks;
    if (blocks <= slots.size()) {
      for (long block = first; block < end; block++) {
        drop(block);
      }
    } else {
      long[] keys = slots.sortedKeys();
      int from = Arrays.binarySearch(keys, first);
      for (int i = from < 0 ? -from - 1 : from; i < keys.length && keys[i] < end; i++) {
        drop(keys[i]);
      }
    }
    if (zeroSlotCount == zeroSlots.length) {
      zeroSlots = Arrays.copyOf(zeroSlots, 2 * zeroSlotCount);
    }
    zeroSlots[zeroSlotCount++] = slot;
    addRange(first, end);
  }

  private void drop(long block) {
    int slot = slots.remove(block);
    if (slot != LongIntMap.NONE) {
      pool.give(slot);
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

  /** What the buffer holds, in order. */
  Cursor cursor() {
    Cursor values = values();
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

  private Cursor values() {
    long[] keys = slots.sortedKeys();
    Entry.Loader loader = (slot, dst) -> pool.copy(slot, 0, dst, 0, SlabPool.SLOT_BYTES);
    return new Cursor() {
      private int next;

      @Override
      public @Nullable Entry next() {
        if (next == keys.length) {
          return null;
        }
        long block = keys[next++];
        return new Entry.Plain(block, loader, slots.get(block));
      }
    };
  }

  /** What the buffer has of a range, in order: first block, block after the last, 1 for data. */
  List<long[]> pieces(long first, long end) {
    List<long[]> pieces = new ArrayList<>();
    if (isEmpty()) {
      return pieces;
    }
    long[] keys = slots.sortedKeys();
    int at = Arrays.binarySearch(keys, first);
    int i = at < 0 ? -at - 1 : at;
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
    for (; i < keys.length && keys[i] < end; i++) {
      addPiece(pieces, keys[i], keys[i] + 1, 1);
    }
    return pieces;
  }

  private static void addPiece(List<long[]> pieces, long from, long to, long data) {
    pieces.add(new long[] {from, to, data});
  }

  /** Gives every slot up. */
  void giveAll() {
    for (long block : slots.sortedKeys()) {
      drop(block);
    }
    for (int i = 0; i < zeroSlotCount; i++) {
      pool.give(zeroSlots[i]);
    }
    zeroSlotCount = 0;
    zeros.clear();
  }
}
