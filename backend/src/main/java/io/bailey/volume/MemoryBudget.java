package io.bailey.volume;

/**
 * How one host's budget of memory is split. The launcher gives the JVM a heap to match.
 *
 * @param bytes for write buffers, indexes and the block cache together
 */
public record MemoryBudget(long bytes) {
  /** What a daemon needs on its heap beside the budget: requests in flight, threads, its code. */
  private static final long HEAP_BASE_BYTES = 192L << 20;

  /** Of write buffers, on the memory file system. */
  public long writeBufferBytes() {
    return bytes / 4;
  }

  /** Of cached blocks, outside the heap. */
  public long blockCacheBytes() {
    return bytes / 8 * 3;
  }

  /** Of decoded tree nodes, on the heap. */
  public long nodeCacheBytes() {
    return bytes / 32 * 3;
  }

  /** Of the sets that say which blocks a run has, on the heap. */
  public long presenceBytes() {
    return bytes / 32;
  }

  /** Of the indexes that say where in the journal blocks lie, on the heap. */
  public long journalIndexBytes() {
    return bytes / 8;
  }

  /** Of what is kept of the journal for a process that comes after a kill, outside the heap. */
  public long keptIndexBytes() {
    return bytes / 16;
  }

  /** The heap that a process with this budget should have: {@code -Xmx}. */
  public long heapBytes() {
    return nodeCacheBytes() + presenceBytes() + journalIndexBytes() + bytes / 16 + HEAP_BASE_BYTES;
  }
}
