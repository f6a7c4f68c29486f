package io.bailey.volume;

import java.util.Arrays;

/**
 * Slots that the last process published, for those who take them back in order. Not thread-safe.
 */
final class FoundSlots implements SlabPool.SlotVisitor {
  private int[] slots = new int[SlabPool.SLAB_SLOTS];
  private long[] sequences = new long[SlabPool.SLAB_SLOTS];
  private long[] volumes = new long[SlabPool.SLAB_SLOTS];
  private long[] blocks = new long[SlabPool.SLAB_SLOTS];
  private long[] counts = new long[SlabPool.SLAB_SLOTS];
  private int size;

  @Override
  public void slot(int slot, long sequence, long volume, long block, long count) {
    if (size == slots.length) {
      slots = Arrays.copyOf(slots, 2 * size);
      sequences = Arrays.copyOf(sequences, 2 * size);
      volumes = Arrays.copyOf(volumes, 2 * size);
      blocks = Arrays.copyOf(blocks, 2 * size);
      counts = Arrays.copyOf(counts, 2 * size);
    }
    slots[size] = slot;
    sequences[size] = sequence;
    volumes[size] = volume;
    blocks[size] = block;
    counts[size++] = count;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** Tells of each, a volume's by their sequences, ascending. */
  void visit(SlabPool.SlotVisitor visitor) {
    for (int i : RadixSort.order(sequences, size)) {
      visitor.slot(slots[i], sequences[i], volumes[i], blocks[i], counts[i]);
    }
  }
}
