package io.bailey.volume;

import java.nio.file.Path;

/**
 * Where a store lies and how much memory it may take.
 *
 * @param directory the store; made if it is missing
 * @param memory where its volatile part lies
 * @param memoryBudgetBytes for write buffers, indexes and the block cache together
 * @param key where the store's outer key comes from
 * @param acceptRollback whether images and volumes whose roots are older than they were are taken
 *     as they are
 */
public record StoreOptions(
    Path directory,
    StoreMemory memory,
    long memoryBudgetBytes,
    OuterKey.Source key,
    boolean acceptRollback) {
  /** With memory in a given directory, the store's own key file, and no rollback accepted. */
  public StoreOptions(Path directory, Path memory, long memoryBudgetBytes) {
    this(directory, store -> memory, memoryBudgetBytes, OuterKey.Source.NONE, false);
  }
}
