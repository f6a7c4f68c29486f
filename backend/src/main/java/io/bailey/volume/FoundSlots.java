package io.bailey.volume;

import java.util.Arrays;

/**
 * Slots that the last process published, for those who take them back in order. Not thread-safe.
 */
final class FoundSlots implements SlabPool.SlotVisitor {
  private int[] places = new int[SlabPool.SLAB_SLOTS];
  private long[] sequences = new long[SlabPool.SLAB_SLOTS];
  private long[] volumes = new long[SlabPool.SLAB_SLOTS];
  private long[] blocks = new long[SlabPool.SLAB_SLOTS];
  private long[] counts = new long[SlabPool.SLAB_SLOTS];
  private int size;

  @Override
  public void slot(int place, long sequence, long volume, long block, long count) {
    if (size == places.length) {
      places = Arrays.copyOf(places, 2 * size);
      sequences = Arrays.copyOf(sequences, 2 * size);
      volumes = Arrays.copyOf(volumes, 2 * size);
      blocks = Arrays.copyOf(blocks, 2 * size);
      counts = Arrays.copyOf(counts, 2 * size);
    }
    places[size] = place;
    sequences[size] = sequence;
    volumes[size] = volume;
    blocks[size] = block;
    counts[size++] = count;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** Tells of each, a volume's by their sequences, ascending, and forgets them. */
  void visit(SlabPool.SlotVisitor visitor) {
    for (int i : RadixSort.order(sequences, size)) {
      visitor.slot(places[i], sequences[i], volumes[i], blocks[i], counts[i]);
    }
    // Who opened the store stays, and has this.
    places = new int[0];
    sequences = new long[0];
    volumes = new long[0];
    blocks = new long[0];
    counts = new long[0];
    size = 0;
  }
}
