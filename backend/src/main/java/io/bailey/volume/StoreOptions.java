package io.bailey.volume;

import java.nio.file.Path;

/**
 * Where a store lies and how much memory it may take.
 *
 * @param directory the store; made if it is missing
 * @param memory directory on a memory file system (tmpfs) for what must outlive the daemon but
 *     never reach a disk: write buffers, and the keys of ephemeral volumes
 * @param memoryBudgetBytes for write buffers, indexes and the block cache together
 * @param key where the store's outer key comes from
 * @param acceptRollback whether images and volumes whose roots are older than they were are taken
 *     as they are
 */
public record StoreOptions(
    Path directory,
    Path memory,
    long memoryBudgetBytes,
    OuterKey.Source key,
    boolean acceptRollback) {
  /** With the store's own key file, and no rollback accepted. */
  public StoreOptions(Path directory, Path memory, long memoryBudgetBytes) {
    this(directory, memory, memoryBudgetBytes, OuterKey.Source.NONE, false);
  }
}
