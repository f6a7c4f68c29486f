package io.bailey.daemon;

import io.bailey.volume.Store;
import java.io.IOException;
import java.nio.file.Path;

/** Where a daemon keeps what must never reach a disk, so that a benchmark can delete it. */
public final class MemoryPlace {
  private MemoryPlace() {}

  /** The directory in shared memory that a daemon has taken for its store. */
  public static Path of(Path store) throws IOException {
    return Path.of("/dev/shm", MemoryDirectory.nameOf(store, Store.id(store)));
  }
}
