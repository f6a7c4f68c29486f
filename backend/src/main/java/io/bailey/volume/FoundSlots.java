package io.bailey.volume;

import java.util.Arrays;

/**
 * Slots that the last process published, for those who take them back in order. Not thread-safe.
 */
final class FoundSlots implements SlabPool.SlotVisitor {
  private static final int DIGIT_BITS = 8;
  private static final int DIGITS = 1 << DIGIT_BITS;

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
    for (int i : order()) {
      visitor.slot(slots[i], sequences[i], volumes[i], blocks[i], counts[i]);
    }
  }

  /**
   * A radix sort, least digit first. There can be a hundred thousand slots, and the process has
   * just begun: a comparator would be called a million times before it is compiled.
   */
  private int[] order() {
    int[] order = new int[size];
    Arrays.setAll(order, i -> i);
    int[] next = new int[size];
    for (int shift = 0; shift < Long.SIZE; shift += DIGIT_BITS) {
      int[] ends = new int[DIGITS + 1];
      for (int i = 0; i < size; i++) {
        ends[digit(sequences[i], shift) + 1]++;
      }
      if (size > 0 && ends[digit(sequences[0], shift) + 1] == size) {
        continue;
      }
      for (int digit = 0; digit < DIGITS; digit++) {
        ends[digit + 1] += ends[digit];
      }
      for (int i : order) {
        next[ends[digit(sequences[i], shift)]++] = i;
      }
      int[] sorted = next;
      next = order;
      order = sorted;
    }
    return order;
  }

  private static int digit(long sequence, int shift) {
    return (int) (sequence >>> shift) & (DIGITS - 1);
  }
}
