package io.bailey.volume;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;

/**
 * Finds the directory on a memory file system (tmpfs) for what of a store must outlive the process
 * that has it open but never reach a disk: write buffers, and the keys of ephemeral volumes.
 */
@FunctionalInterface
public interface StoreMemory {
  /**
   * Called while the caller keeps others from opening the store.
   *
   * @param store its id, which no other store has but copies of it; empty for one that an early
   *     version made
   */
  Path of(Optional<UUID> store) throws IOException;

  /** Called when the store is closed, while still no other process can open it. */
  default void left() throws IOException {}
}
