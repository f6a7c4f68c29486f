package io.bailey.chunk;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;

/**
 * The host's one cache: blocks in the clear and decoded tree nodes, by the physical place of their
 * sealed bytes, so that what a thousand volumes share is read and opened once. Bounded in bytes;
 * Caffeine's W-TinyLFU keeps what is asked for again through scans. Thread-safe.
 */
public final class BlockCache {
  private static final int OFFSET_BITS = 36;
  private static final int ENTRY_OVERHEAD_BYTES = 96;

  private final Cache<Long, Object> cache;

  /** A cache of at most so many bytes, its own bookkeeping included. */
  public BlockCache(long maxBytes) {
    cache =
        Caffeine.newBuilder()
            .maximumWeight(maxBytes)
            .weigher((Long key, Object value) -> weight(value))
            .executor(Runnable::run)
            .build();
  }

  /** A decoded tree node. */
  public interface Node {
    /** Bytes of memory it takes. */
    int weightBytes();
  }

  public byte @Nullable [] block(Chunk chunk, long offset) {
    return (byte[]) cache.getIfPresent(key(chunk, offset));
  }

  public @Nullable Node node(Chunk chunk, long offset) {
    return (Node) cache.getIfPresent(key(chunk, offset));
  }

  /** Keeps a block; the array must not be changed any more. */
  public void putBlock(Chunk chunk, long offset, byte[] block) {
    cache.put(key(chunk, offset), block);
  }

  public void putNode(Chunk chunk, long offset, Node node) {
    cache.put(key(chunk, offset), node);
  }

  private static Long key(Chunk chunk, long offset) {
    return chunk.serial() << OFFSET_BITS | offset;
  }

  private static int weight(Object value) {
    int bytes = value instanceof Node node ? node.weightBytes() : ((byte[]) value).length;
    return bytes + ENTRY_OVERHEAD_BYTES;
  }
}
