package io.bailey.volume;

import io.bailey.crypto.Codec;
import io.bailey.dubtree.Dubtree;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Blocks of one write, each of them compressed if that makes it small enough for several to share a
 * slot. Not thread-safe; good for as long as the codec isn't given back.
 */
final class PackedBlocks {
  /** Of each compressed block; 0 for others. */
  private final int[] bytes;

  private final byte[] packed;
  private final MemorySegment source;
  private final long from;

  PackedBlocks(Codec codec, MemorySegment src, long from, int count, PackTrial trial) {
    bytes = new int[count];
    source = src;
    this.from = from;
    packed = codec.sealed(at(count) + Codec.MAX_COMPRESSED_BYTES);
    byte[] block = codec.block();
    for (int i = 0; i < count; i++) {
      if (trial.isDue()) {
        MemorySegment.copy(src, ValueLayout.JAVA_BYTE, sourceOffset(i), block, 0, block.length);
        int size = Codec.compress(block, 0, block.length, packed, at(i));
        bytes[i] = size <= PackedSlot.MAX_BYTES ? size : 0;
        trial.ended(bytes[i] != 0);
      }
    }
  }

  int count() {
    return bytes.length;
  }

  /** Where the blocks lie as they are. */
  MemorySegment source() {
    return source;
  }

  long sourceOffset(int i) {
    return from + (long) i * Dubtree.BLOCK_BYTES;
  }

  boolean isPacked(int i) {
    return bytes[i] != 0;
  }

  /** Bytes of a compressed block, which lie {@link #at} a place in {@link #array}. */
  int bytes(int i) {
    return bytes[i];
  }

  byte[] array() {
    return packed;
  }

  int at(int i) {
    return i * PackedSlot.MAX_BYTES;
  }
}
