package io.bailey.volume;

import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.journal.KeptIndexes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;

/**
 * The write buffers that a store begins with: those of the last process, if they are still in
 * memory, else new ones. Whether they are its, the id of the set decides, which is recorded in the
 * store once it has all else.
 */
final class BufferSet {
  private static final System.Logger LOG = System.getLogger(BufferSet.class.getName());
  private static final UUID NONE = new UUID(0, 0);

  private final StoreDirectory directory;
  private final FoundSlots slots = new FoundSlots();
  private final boolean lost;
  private final UUID id;
  private final SlabPool pool;

  BufferSet(StoreDirectory directory, Path memory, long maxBytes) throws IOException {
    this.directory = directory;
    UUID recorded = recorded(directory, memory);
    HostFiles files = directory.files();
    if (SlabPool.anyIn(files, memory)) {
      SlabPool found = new SlabPool(files, memory, recorded, maxBytes, slots);
      if (!slots.isEmpty()) {
        lost = false;
        id = recorded;
        pool = found;
        return;
      }
      found.close(true);
    }
    // A process that was killed with empty buffers may have left what it kept of the journal.
    lost = !KeptIndexes.anyIn(memory, recorded);
    id = lost ? UUID.randomUUID() : recorded;
    pool = new SlabPool(files, memory, id, maxBytes, (s, q, v, b, n) -> {});
  }

  /** A damaged record of the buffers matters only where there are some. */
  private static UUID recorded(StoreDirectory directory, Path memory) throws IOException {
    try {
      return StoreDirectory.bufferSet(directory.files(), directory.path());
    } catch (StorageException e) {
      if (e.kind() != Kind.DAMAGED || SlabPool.anyIn(directory.files(), memory)) {
        throw e;
      }
      LOG.log(System.Logger.Level.WARNING, "{0}; there are none", e.getMessage());
      return NONE;
    }
  }

  /** Of the set, which all lies beside that is the store's. */
  UUID id() {
    return id;
  }

  SlabPool pool() {
    return pool;
  }

  /** What the last process left. */
  FoundSlots slots() {
    return slots;
  }

  /** Makes new buffers the store's: from here on, what lies in them is recovered. */
  void record() throws IOException {
    if (lost) {
      directory.bufferSet(id);
    }
  }

  /** Makes no buffers the store's: all that they held is elsewhere. */
  static void forget(StoreDirectory directory) throws IOException {
    directory.bufferSet(NONE);
  }
}
