package io.bailey.volume;

import java.util.Arrays;

/** Slots in the order in which they were published, with their sequences. Not thread-safe. */
final class SlotList {
  private int[] slots = new int[16];
  private long[] sequences = new long[16];
  private int size;

  int size() {
    return size;
  }

  int slot(int i) {
    return slots[i];
  }

  long sequence(int i) {
    return sequences[i];
  }

  void add(int slot, long sequence) {
    if (size == slots.length) {
      slots = Arrays.copyOf(slots, 2 * size);
      sequences = Arrays.copyOf(sequences, 2 * size);
    }
    slots[size] = slot;
    sequences[size++] = sequence;
  }

  void clear() {
    size = 0;
  }

  /** Puts slots that were taken out back before those that came since. */
  void putBack(StagedWrites staged) {
    SlotList rest = new SlotList();
    for (int i = 0; i < size; i++) {
      rest.add(slots[i], sequences[i]);
    }
    clear();
    staged.forEachSlot(this::add);
    for (int i = 0; i < rest.size; i++) {
      add(rest.slots[i], rest.sequences[i]);
    }
  }
}
