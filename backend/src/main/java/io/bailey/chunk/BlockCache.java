package io.bailey.chunk;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * The host's one cache: blocks in the clear and decoded tree nodes, by the physical place of their
 * sealed bytes, so that what a thousand volumes share is read and opened once. Bounded in bytes;
 * Caffeine's W-TinyLFU keeps what is asked for again through scans. Thread-safe.
 *
 * <p>Blocks lie outside the Java heap, in frames ({@link BlockFrames}): a gigabyte of arrays that
 * live long would be moved and marked by the garbage collector again and again.
 */
public final class BlockCache {
  /** Offsets of values, in chunks and in segments of the journal, are lower than 256 MiB. */
  private static final int OFFSET_BITS = 28;

  private static final int ENTRY_OVERHEAD_BYTES = 96;

  /** So many chunks go before the cache is searched for what it has of them. */
  static final int GONE_CHUNKS = 32;

  private final Cache<Place, Node> nodes;
  private final Cache<Long, BlockFrames.Frame> blocks;
  private final BlockFrames frames;

  /** Serials of chunks that are no more, but may have entries; guarded by {@code this}. */
  private Set<Long> gone = new HashSet<>();

  /** Keys of blocks that were missed once, as fingerprints; 0 is none. */
  private final AtomicIntegerArray missedOnce;

  /**
   * @param blockBytes of blocks, outside the heap
   * @param nodeBytes of decoded nodes, on the heap
   */
  public BlockCache(long blockBytes, long nodeBytes) {
    int capacity =
        (int) Math.max(64, blockBytes / (BlockFrames.FRAME_BYTES + ENTRY_OVERHEAD_BYTES));
    frames = new BlockFrames(capacity);
    missedOnce = new AtomicIntegerArray(Integer.highestOneBit(capacity) * 2);
    nodes =
        Caffeine.newBuilder()
            .maximumWeight(nodeBytes)
            .weigher((Place key, Node node) -> node.weightBytes() + ENTRY_OVERHEAD_BYTES)
            .executor(Runnable::run)
            .build();
    blocks =
        Caffeine.newBuilder()
            .maximumSize(capacity)
            .executor(Runnable::run)
            .removalListener(
                (@Nullable Long key, BlockFrames.@Nullable Frame frame, RemovalCause cause) -> {
                  if (frame != null) {
                    frames.give(frame);
                  }
                })
            .build();
  }

  /** Of a node in the trees of all times, which may be of any length. */
  private record Place(long serial, long offset) {
    @Override
    public int hashCode() {
      return Long.hashCode((serial * 0x9E3779B97F4A7C15L + offset) * 0xBF58476D1CE4E5B9L);
    }
  }

  /** A decoded tree node. */
  public interface Node {
    /** Bytes of memory it takes. */
    int weightBytes();
  }

  /** Copies the 4096 bytes of a block to {@code dst}; false if they aren't here. */
  public boolean copyBlock(Chunk chunk, long offset, MemorySegment dst, long at) {
    return copyBlock(chunk.serial(), offset, dst, at);
  }

  /** The same of a file that is no chunk, by the serial that {@link ChunkStore#newSerial} gave. */
  public boolean copyBlock(long serial, long offset, MemorySegment dst, long at) {
    BlockFrames.Frame frame = blocks.getIfPresent(key(serial, offset));
    return frame != null && frames.copy(frame, dst, at);
  }

  public @Nullable Node node(Chunk chunk, long offset) {
    return nodes.getIfPresent(new Place(chunk.serial(), offset));
  }

  /**
   * Keeps a block that was missed.
   *
   * @param atOnce false keeps it only when it is missed for the second time within a while, so that
   *     what is read once costs no more than a look
   */
  public void putBlock(Chunk chunk, long offset, byte[] block, int at, boolean atOnce) {
    putBlock(chunk.serial(), offset, block, at, atOnce);
  }

  /** The same of a file that is no chunk. */
  public void putBlock(long serial, long offset, byte[] block, int at, boolean atOnce) {
    Long key = key(serial, offset);
    if (!atOnce && !missedBefore(key)) {
      return;
    }
    BlockFrames.Frame frame = frames.take(block, at);
    if (frame != null) {
      blocks.put(key, frame);
    }
  }

  public void putNode(Chunk chunk, long offset, Node node) {
    nodes.put(new Place(chunk.serial(), offset), node);
  }

  /** Nothing of a serial will be asked for again: sooner or later its entries make room. */
  public void forget(long serial) {
    Set<Long> dead;
    synchronized (this) {
      gone.add(serial);
      if (gone.size() < GONE_CHUNKS) {
        return;
      }
      dead = gone;
      gone = new HashSet<>();
    }
    blocks.asMap().keySet().removeIf(key -> dead.contains(key >>> OFFSET_BITS));
    nodes.asMap().keySet().removeIf(place -> dead.contains(place.serial()));
  }

  private boolean missedBefore(long key) {
    long hash = key * 0x9E3779B97F4A7C15L;
    int print = (int) hash | 1;
    int at = (int) (hash >>> 32) & (missedOnce.length() - 1);
    if (missedOnce.getPlain(at) == print) {
      return true;
    }
    missedOnce.setPlain(at, print);
    return false;
  }

  private static Long key(long serial, long offset) {
    return serial << OFFSET_BITS | offset;
  }
}
