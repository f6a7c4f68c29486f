package io.bailey.volume;

import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunStack;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Reads a volume: each block from the newest place that has it. Thread-safe. */
final class VolumeReader {
  private static final System.Logger LOG = System.getLogger(VolumeReader.class.getName());

  /** What one prefetch brings into the cache at most. */
  private static final long MAX_PREFETCH_BYTES = 64L << 20;

  /** Blocks whose kinds are gathered under the volume's lock at a time. */
  private static final int EXTENT_STEP_BLOCKS = 4096;

  private static final int PREFETCH_BLOCKS = 256;

  private final String name;
  private final VolumeTop top;
  private final VolumeLog log;
  private final VolumeRuns runs;
  private final RunStack.Counters reads = new RunStack.Counters();
  private final LongAdder readsFromBuffer = new LongAdder();
  private final LongAdder damaged = new LongAdder();

  VolumeReader(String name, VolumeTop top, VolumeLog log, VolumeRuns runs) {
    this.name = name;
    this.top = top;
    this.log = log;
    this.runs = runs;
  }

  /** Where the blocks of reads were found, but for those of {@link #readsFromBuffer}. */
  RunStack.Counters counters() {
    return reads;
  }

  long readsFromBuffer() {
    return readsFromBuffer.sum();
  }

  /** Reads that met damage. */
  long damaged() {
    return damaged.sum();
  }

  /** Reads bytes; with {@code cachedOnly} it answers false rather than wait for a disk. */
  boolean read(long offset, MemorySegment dst, long dstOffset, int length, boolean cachedOnly)
      throws IOException {
    if (length == 0) {
      return true;
    }
    long first = offset >>> Dubtree.BLOCK_SHIFT;
    int blocks = (int) (((offset + length - 1) >>> Dubtree.BLOCK_SHIFT) - first) + 1;
    int head = (int) (offset & (Dubtree.BLOCK_BYTES - 1));
    if (head == 0 && length == blocks * Dubtree.BLOCK_BYTES) {
      return readBlocks(first, blocks, dst, dstOffset, cachedOnly);
    }
    MemorySegment whole = MemorySegment.ofArray(new byte[blocks * Dubtree.BLOCK_BYTES]);
    if (!readBlocks(first, blocks, whole, 0, cachedOnly)) {
      return false;
    }
    MemorySegment.copy(whole, head, dst, dstOffset, length);
    return true;
  }

  boolean readBlocks(long first, int blocks, MemorySegment dst, long at, boolean cachedOnly)
      throws IOException {
    int[] gaps = new int[8];
    int gapEnds = 0;
    JournalReads logged = new JournalReads();
    PackedReads packed = new PackedReads();
    @Nullable RunStack below = null;
    int missing = 0;
    try {
      synchronized (top.lock) {
        top.failIfClosed();
        for (int i = 0; i < blocks; i++) {
          long to = at + (long) i * Dubtree.BLOCK_BYTES;
          long found = top.lookUp(first + i, dst, to, packed);
          if (found >= 0) {
            log.note(logged, first + i, to);
          } else if (found == VolumeTop.NOWHERE) {
            missing++;
            if (gapEnds > 0 && gaps[gapEnds - 1] == i) {
              gaps[gapEnds - 1] = i + 1;
            } else {
              if (gapEnds == gaps.length) {
                gaps = Arrays.copyOf(gaps, 2 * gaps.length);
              }
              gaps[gapEnds++] = i;
              gaps[gapEnds++] = i + 1;
            }
          }
        }
        below = gapEnds == 0 ? null : runs.retained();
      }
      readsFromBuffer.add(blocks - missing - logged.size());
      if (!log.read(logged, dst, cachedOnly, reads)) {
        return false;
      }
      for (int i = 0; below != null && i < gapEnds; i += 2) {
        long to = at + (long) gaps[i] * Dubtree.BLOCK_BYTES;
        if (!below.read(first + gaps[i], gaps[i + 1] - gaps[i], dst, to, cachedOnly, reads)) {
          return false;
        }
      }
      packed.unpack(dst);
      return true;
    } catch (StorageException e) {
      if (e.kind() == Kind.DAMAGED) {
        damaged.increment();
        DamageEvent.commit(name, first, e.getMessage());
      }
      throw e;
    } finally {
      logged.release();
      if (below != null) {
        runs.giveBack(below);
      }
    }
  }

  /** Brings what the runs have of a range into the cache. */
  void readAway(long offset, long mostLength) {
    long length = Math.min(mostLength, MAX_PREFETCH_BYTES);
    long block = offset >>> Dubtree.BLOCK_SHIFT;
    long end = (offset + length + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
    byte[] piece = new byte[(int) Math.min(end - block, PREFETCH_BLOCKS) * Dubtree.BLOCK_BYTES];
    RunStack.Counters uncounted = new RunStack.Counters();
    try {
      for (; block < end; block += PREFETCH_BLOCKS) {
        RunStack below = retainedRuns();
        try {
          below.prefetch(block, (int) Math.min(end - block, PREFETCH_BLOCKS), piece, uncounted);
        } finally {
          runs.giveBack(below);
        }
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "prefetch of {0}: {1}", name, e.getMessage());
    }
  }

  private RunStack retainedRuns() throws StorageException {
    synchronized (top.lock) {
      top.failIfClosed();
      return runs.retained();
    }
  }

  /** Reports what of a range has bytes, a part of it at a time: writes needn't wait for it. */
  void extents(long offset, long length, BlockDevice.ExtentVisitor visitor) throws IOException {
    long end = ((offset + length - 1) >>> Dubtree.BLOCK_SHIFT) + 1;
    ExtentMap map = new ExtentMap(offset, offset + length, visitor);
    long at = offset >>> Dubtree.BLOCK_SHIFT;
    while (at < end && !map.isStopped()) {
      long to = Math.min(end, at + EXTENT_STEP_BLOCKS);
      extents(at, to, map);
      at = to;
    }
    map.finish();
  }

  private void extents(long first, long end, ExtentMap map) throws IOException {
    RunStack below;
    List<long[]> above;
    synchronized (top.lock) {
      top.failIfClosed();
      above = top.pieces(first, end);
      below = runs.retained();
    }
    try {
      long at = first;
      for (long[] piece : above) {
        if (piece[0] > at) {
          below.extents(at, piece[0] - at, map);
        }
        if (!map.extent(piece[0], piece[1], piece[2] != 0)) {
          return;
        }
        at = piece[1];
      }
      if (at < end) {
        below.extents(at, end - at, map);
      }
    } finally {
      runs.giveBack(below);
    }
  }
}
