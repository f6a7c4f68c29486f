package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Entry;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The newest bytes of a volume's blocks: slots by block, over ranges of zeros. Guarded by the
 * volume's lock; once frozen it doesn't change and may be read without.
 */
final class WriteBuffer {
  private final SlabPool pool;
  private final BlockMap slots;

  /** The slots that stand for ranges of zeros. */
  private int[] zeroSlots = new int[4];

  private int zeroSlotCount;

  WriteBuffer(SlabPool pool) {
    this.pool = pool;
    this.slots = new BlockMap(pool::give);
  }

  /** Slots in use. */
  int slotCount() {
    return slots.size() + zeroSlotCount;
  }

  boolean isEmpty() {
    return slots.isEmpty();
  }

  /** The slot of a block's bytes, or {@link LongIntMap#NONE}. */
  int slot(long block) {
    return slots.get(block);
  }

  /** Whether a block without a slot is zeros here, and not older data's matter. */
  boolean isZero(long block) {
    return slots.isZero(block);
  }

  /** Takes a published slot in; what the block had before is given up. */
  void put(long block, int slot) {
    slots.put(block, slot);
  }

  /** Takes a published slot in that stands for zeros. */
  void putZeros(long first, long blocks, int slot) {
    slots.putZeros(first, blocks);
    if (zeroSlotCount == zeroSlots.length) {
      zeroSlots = Arrays.copyOf(zeroSlots, 2 * zeroSlotCount);
    }
    zeroSlots[zeroSlotCount++] = slot;
  }

  /** What the buffer holds, in order. */
  Cursor cursor() {
    return slots.over(values());
  }

  private Cursor values() {
    long[] keys = slots.sortedBlocks();
    Entry.Loader loader = (slot, dst) -> pool.copy(slot, MemorySegment.ofArray(dst), 0);
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
    return slots.pieces(first, end);
  }

  /** Gives every slot up. */
  void giveAll() {
    int[] all = slots.takeAll();
    pool.giveAll(all, all.length);
    pool.giveAll(zeroSlots, zeroSlotCount);
    zeroSlotCount = 0;
  }
}
