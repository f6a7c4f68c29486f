package io.bailey.volume;

import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.RunCatalog;
import io.bailey.io.HostFiles;
import io.bailey.journal.Journal;
import java.nio.file.Path;

/**
 * What the volumes of a store share.
 *
 * @param durableRoots directory of the roots of durable volumes
 * @param ephemeralRoots the same on a memory file system
 */
record StoreContext(
    HostFiles files,
    Path durableRoots,
    Path ephemeralRoots,
    KeyRing keys,
    KeyWrap wrap,
    ChunkStore chunks,
    RunCatalog catalog,
    SlabPool pool,
    Journal journal,
    Maintenance maintenance) {
  private static final int MAX_BUFFER_SLOTS = (64 << 20) / SlabPool.SLOT_BYTES;

  /** Slots that make a write buffer full: 64 MiB, or a quarter of the host's. */
  int bufferSlots() {
    return Math.min(MAX_BUFFER_SLOTS, pool.capacity() / 4);
  }
}
