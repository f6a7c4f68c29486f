package io.bailey.volume;

import io.bailey.journal.BatchWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * Copies of the writes that a volume's next journal record will have: taken under the volume's
 * lock, so that they are the state of one moment, and sealed without it.
 */
final class StagedWrites {
  private record Write(int slot, long sequence, long block, long zeroBlocks, byte[] bytes) {}

  /** Hears of the slots that were staged. */
  @FunctionalInterface
  interface SlotVisitor {
    void slot(int slot, long sequence);
  }

  private final List<Write> writes = new ArrayList<>();

  private StagedWrites() {}

  /** Empties a list of slots; those given up or written again since are no matter any more. */
  static StagedWrites take(SlabPool pool, long volume, SlotList slots) {
    StagedWrites staged = new StagedWrites();
    for (int i = 0; i < slots.size(); i++) {
      int slot = slots.slot(i);
      if (!pool.holds(slot, volume, slots.sequence(i))) {
        continue;
      }
      long zeroBlocks = pool.zeroBlocks(slot);
      byte[] bytes = new byte[zeroBlocks == 0 ? SlabPool.SLOT_BYTES : 0];
      pool.copy(slot, 0, bytes, 0, bytes.length);
      staged.writes.add(new Write(slot, slots.sequence(i), pool.block(slot), zeroBlocks, bytes));
    }
    slots.clear();
    return staged;
  }

  void addTo(BatchWriter batch) {
    for (Write write : writes) {
      if (write.zeroBlocks == 0) {
        batch.addValue(write.block, write.bytes, 0);
      } else {
        batch.addZeros(write.block, write.zeroBlocks);
      }
    }
  }

  void forEachSlot(SlotVisitor visitor) {
    writes.forEach(write -> visitor.slot(write.slot, write.sequence));
  }
}
