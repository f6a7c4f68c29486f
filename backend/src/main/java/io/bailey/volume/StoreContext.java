package io.bailey.volume;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.RunCatalog;
import io.bailey.io.HostFiles;
import io.bailey.journal.Journal;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What the volumes of a store share.
 *
 * @param ephemeralRoots directory of the roots of ephemeral volumes, on a memory file system
 */
record StoreContext(
    StoreDirectory directory,
    Path ephemeralRoots,
    KeyRing keys,
    KeyWrap wrap,
    Anchor anchor,
    ChunkStore chunks,
    RunCatalog catalog,
    BlockCache cache,
    SlabPool pool,
    Journal journal,
    IndexMemory indexMemory,
    Maintenance maintenance) {
  /** The part of the host's slots that a write buffer may have whatever the others have. */
  private static final int MIN_SHARE = 64;

  /** The part that is worth a run of its own while the pool grows too slowly. */
  private static final int SHARE_IN_GROWTH = 16;

  /** The blocks for each slot of a full buffer with which one is full too, in however few slots. */
  private static final int MAX_BLOCKS_A_SLOT = 4;

  HostFiles files() {
    return directory.files();
  }

  Path imageRoots() {
    return directory.resolve(StoreDirectory.IMAGES);
  }

  /** Where the roots of durable volumes lie. */
  Path durableRoots() {
    return directory.resolve(StoreDirectory.VOLUMES);
  }

  /** Where the root of a volume lies. */
  Path roots(Durability durability) {
    return durability == Durability.NONE ? ephemeralRoots : durableRoots();
  }

  /** Puts the root of an image or durable volume in force. */
  void install(Root root, Path roots, String name) throws IOException {
    root.writeFresh(files(), roots, name, keys, wrap, true);
    root.install(files(), roots, name, true);
  }

  /**
   * Slots that make a write buffer full at present: half of what it could have, so half of all for
   * who writes alone; a 64th at least.
   *
   * @param held slots that it has
   */
  int bufferSlots(int held) {
    return Math.max(pool.capacity() / MIN_SHARE, (held + pool.available()) / 2);
  }

  /** Slots from which on it is emptied: as many, but less while the pool grows too slowly. */
  int slotsToEmpty(int held) {
    int full = bufferSlots(held);
    return pool.growsTooSlowly() ? Math.min(full, pool.capacity() / SHARE_IN_GROWTH) : full;
  }

  /**
   * Whether a write buffer is to be emptied: it is full, or has so much that others would wait long
   * for its slots.
   */
  boolean isDue(WriteBuffer buffer) {
    int full = slotsToEmpty(buffer.slotCount());
    return buffer.slotCount() >= full || buffer.entryCount() >= MAX_BLOCKS_A_SLOT * full;
  }

  /**
   * Closes every file, also where that fails for one.
   *
   * @param buffersEmpty whether the write buffers hold nothing, and go
   */
  void closeFiles(boolean buffersEmpty) throws IOException {
    try (ChunkStore _ = chunks;
        Journal _ = journal) {
      pool.close(buffersEmpty);
      if (buffersEmpty) {
        journal.forgetKept();
      }
    }
  }
}
