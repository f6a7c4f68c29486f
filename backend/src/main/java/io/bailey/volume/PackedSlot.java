package io.bailey.volume;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The format of a slot that holds several compressed blocks of one volume:
 *
 * <pre>
 *  0  how many of them are in use, and one more while the slot is being filled
 * 64  blocks, each at a multiple of 64: sequence, block, bytes (64 bits each), LZ4 data
 * </pre>
 *
 * Each has 576 bytes at least, so that there are at most seven. A block's sequence is stored last
 * and released, after that of the next was set to 0: a process that dies at any instruction leaves
 * whole blocks, and 0 behind the last one. One that is no longer in use stays: the volume has a
 * newer one, in a slot that isn't given up before this one, or a run has.
 */
final class PackedSlot {
  /** What places within a slot are counted in. */
  static final int UNIT_BYTES = 64;

  static final int UNITS = SlabPool.SLOT_BYTES / UNIT_BYTES;

  /** Where the first block lies. */
  static final int FIRST_UNIT = 1;

  private static final int HEADER_BYTES = 24;
  private static final int MIN_UNITS = (UNITS - FIRST_UNIT) / 7;

  /** Bytes of a compressed block, at most: fewer than two in a slot aren't worth it. */
  static final int MAX_BYTES = (UNITS - FIRST_UNIT) / 2 * UNIT_BYTES - HEADER_BYTES;

  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

  private PackedSlot() {}

  /** Hears of a block in a slot. */
  interface Visitor {
    void block(int unit, long sequence, long block);
  }

  /** Units that a compressed block takes. */
  static int units(int bytes) {
    return Math.max(MIN_UNITS, (HEADER_BYTES + bytes + UNIT_BYTES - 1) / UNIT_BYTES);
  }

  /**
   * Makes a slot one that is being filled.
   *
   * @param at where in its slab its 4096 bytes lie
   */
  static void begin(MemorySegment slab, long at) {
    slab.set(ValueLayout.JAVA_LONG, at, 1);
    slab.set(ValueLayout.JAVA_LONG, at + FIRST_UNIT * UNIT_BYTES, 0);
  }

  /** Adds a block, which from here on outlives the process if the slot does. */
  static void add(
      MemorySegment slab,
      long at,
      int unit,
      long sequence,
      long block,
      byte[] packed,
      int from,
      int bytes) {
    long to = at + (long) unit * UNIT_BYTES;
    slab.set(ValueLayout.JAVA_LONG, to + 8, block);
    slab.set(ValueLayout.JAVA_LONG, to + 16, bytes);
    MemorySegment.copy(packed, from, slab, ValueLayout.JAVA_BYTE, to + HEADER_BYTES, bytes);
    int next = unit + units(bytes);
    if (next < UNITS) {
      slab.set(ValueLayout.JAVA_LONG, at + (long) next * UNIT_BYTES, 0);
    }
    changeUses(slab, at, 1);
    LONG.setRelease(slab, to, sequence);
  }

  /** Bytes of a compressed block, which are in its slot also where the memory is damaged. */
  static int bytes(MemorySegment slab, long at, int unit) {
    long size = slab.get(ValueLayout.JAVA_LONG, at + (long) unit * UNIT_BYTES + 16);
    int room = (UNITS - unit) * UNIT_BYTES - HEADER_BYTES;
    return Math.clamp(size, 1, Math.min(room, MAX_BYTES));
  }

  /** Copies a compressed block and returns its size. */
  static int load(MemorySegment slab, long at, int unit, byte[] dst) {
    int bytes = bytes(slab, at, unit);
    long from = at + (long) unit * UNIT_BYTES;
    MemorySegment.copy(slab, ValueLayout.JAVA_BYTE, from + HEADER_BYTES, dst, 0, bytes);
    return bytes;
  }

  /** Counts more uses, or fewer, and returns how many are left. */
  static long changeUses(MemorySegment slab, long at, long by) {
    long uses = slab.get(ValueLayout.JAVA_LONG, at) + by;
    slab.set(ValueLayout.JAVA_LONG, at, uses);
    return uses;
  }

  /**
   * Visits what an earlier process left in a slot, and counts all of it as in use.
   *
   * @param words of a slot; what they held is lost
   */
  static int adopt(MemorySegment slab, long at, long[] words, Visitor found) {
    // All at once: word by word is slow in a process that has just begun.
    MemorySegment.copy(slab, ValueLayout.JAVA_LONG, at, words, 0, words.length);
    int count = 0;
    int unit = FIRST_UNIT;
    while (unit + MIN_UNITS <= UNITS) {
      int word = unit * UNIT_BYTES / Long.BYTES;
      if (words[word] == 0) {
        break;
      }
      found.block(unit, words[word], words[word + 1]);
      count++;
      unit += units((int) words[word + 2]);
    }
    slab.set(ValueLayout.JAVA_LONG, at, count);
    return count;
  }
}
