package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Entry;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The newest bytes of a volume's blocks: places by block, over ranges of zeros. Guarded by the
 * volume's lock; once frozen it doesn't change and may be read without.
 */
final class WriteBuffer {
  private final SlabPool pool;
  private final BlockMap places;

  /** The slots that stand for ranges of zeros. */
  private int[] zeroSlots = new int[4];

  private int zeroSlotCount;
  private int slotCount;

  /** The slot that is being filled with compressed blocks, if any, and where the next one goes. */
  private int openSlot = LongIntMap.NONE;

  private int openUnit = PackedSlot.UNITS;

  WriteBuffer(SlabPool pool) {
    this.pool = pool;
    this.places = new BlockMap(this::give);
  }

  private void give(int place) {
    if (pool.give(place)) {
      slotCount--;
    }
  }

  /** Slots in use. */
  int slotCount() {
    return slotCount;
  }

  /** Blocks that have bytes, and ranges of zeros. */
  int entryCount() {
    return places.size() + zeroSlotCount;
  }

  boolean isEmpty() {
    return places.isEmpty();
  }

  /** The place of a block's bytes, or {@link LongIntMap#NONE}. */
  int place(long block) {
    return places.get(block);
  }

  /** Whether a block without a slot is zeros here, and not older data's matter. */
  boolean isZero(long block) {
    return places.isZero(block);
  }

  /** Takes a published block in; what it had before is given up. */
  void put(long block, int place) {
    if (SlabPool.isFirst(place)) {
      slotCount++;
    }
    places.put(block, place);
  }

  /** Slots that the blocks of a write need, beside the one that is being filled. */
  int slotsFor(PackedBlocks blocks) {
    int needed = 0;
    int unit = openUnit;
    for (int i = 0; i < blocks.count(); i++) {
      if (!blocks.isPacked(i)) {
        needed++;
        continue;
      }
      int units = PackedSlot.units(blocks.bytes(i));
      if (unit + units > PackedSlot.UNITS) {
        needed++;
        unit = PackedSlot.FIRST_UNIT;
      }
      unit += units;
    }
    return needed;
  }

  /**
   * Publishes the blocks of a write and takes them in.
   *
   * @param slots as many as they need
   * @param sequence the one before theirs
   */
  void put(long first, PackedBlocks blocks, int[] slots, long sequence, long volume) {
    int nextSlot = 0;
    for (int i = 0; i < blocks.count(); i++) {
      long its = sequence + 1 + i;
      int place;
      if (!blocks.isPacked(i)) {
        place = slots[nextSlot++];
        pool.fill(place, blocks.source(), blocks.sourceOffset(i));
        pool.publish(place, its, volume, first + i, 0);
      } else {
        int bytes = blocks.bytes(i);
        int units = PackedSlot.units(bytes);
        if (openUnit + units > PackedSlot.UNITS) {
          closeSlot();
          openSlot = slots[nextSlot++];
          openUnit = PackedSlot.FIRST_UNIT;
          pool.beginPacked(openSlot, its, volume);
        }
        place = openSlot + openUnit;
        pool.addPacked(place, its, first + i, blocks.array(), blocks.at(i), bytes);
        openUnit += units;
      }
      put(first + i, place);
    }
  }

  private void closeSlot() {
    if (openSlot != LongIntMap.NONE) {
      give(openSlot + PackedSlot.FIRST_UNIT);
      openSlot = LongIntMap.NONE;
      openUnit = PackedSlot.UNITS;
    }
  }

  /** Takes a published slot in that stands for zeros. */
  void putZeros(long first, long blocks, int slot) {
    places.putZeros(first, blocks);
    if (zeroSlotCount == zeroSlots.length) {
      zeroSlots = Arrays.copyOf(zeroSlots, 2 * zeroSlotCount);
    }
    zeroSlots[zeroSlotCount++] = slot;
    slotCount++;
  }

  /** What the buffer holds, in order. */
  Cursor cursor() {
    return places.over(values());
  }

  private Cursor values() {
    long[] keys = places.sortedBlocks();
    return new Cursor() {
      private int next;

      @Override
      public @Nullable Entry next() {
        if (next == keys.length) {
          return null;
        }
        long block = keys[next++];
        return new Entry.Unsealed(block, pool::load, places.get(block));
      }
    };
  }

  /** What the buffer has of a range, in order: first block, block after the last, 1 for data. */
  List<long[]> pieces(long first, long end) {
    return places.pieces(first, end);
  }

  /** Gives every slot up. */
  void giveAll() {
    closeSlot();
    int[] all = places.takeAll();
    pool.giveAll(all, all.length);
    pool.giveAll(zeroSlots, zeroSlotCount);
    zeroSlotCount = 0;
    slotCount = 0;
  }
}
