package io.bailey.volume;

import io.bailey.io.StorageException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The compressed blocks that one read found in write buffers: copied under the volume's lock, and
 * decompressed without it. One thread.
 */
final class PackedReads {
  private final List<Block> blocks = new ArrayList<>(0);

  private record Block(SlabPool pool, byte[] packed, int place, long to) {}

  /** Copies a block that is to be read to {@code to} of the destination. Under the lock. */
  void add(SlabPool pool, int place, long to) {
    blocks.add(new Block(pool, pool.packed(place), place, to));
  }

  /** Decompresses what was added. */
  void unpack(MemorySegment dst) throws StorageException {
    for (Block block : blocks) {
      block.pool.unpack(block.packed, block.place, dst, block.to);
    }
  }
}
