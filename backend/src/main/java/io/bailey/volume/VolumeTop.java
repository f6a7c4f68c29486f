package io.bailey.volume;

import io.bailey.dubtree.Dubtree;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a volume holds above its runs: the write buffer, one that is on its way out, and the part in
 * the journal; newest first. Everything is guarded by {@link #lock}, which is never held over I/O.
 */
final class VolumeTop {
  /** What {@link #lookUp} says of a block that it copied. */
  static final long IN_MEMORY = -3;

  static final long NOWHERE = VolumeLog.NOWHERE;

  /** {@link Volume} says what comes before and after it. */
  final Object lock = new Object();

  /** How long who waits for room sleeps before it looks again. */
  static final long WAIT_MILLIS = 5;

  private static final System.Logger LOG = System.getLogger(VolumeTop.class.getName());

  private final StoreContext context;
  private final String name;
  private final long blocks;
  private final VolumeLog log;

  WriteBuffer active;
  @Nullable WriteBuffer frozen;

  /** Of the last write, and of the last one in the frozen buffer. */
  long sequence;

  long frozenSequence;

  /** When the record was begun that is being made of the frozen buffer, or was made last. */
  long recordNanos;

  /** Why the volume takes no more writes. */
  @Nullable StorageException failure;

  boolean closed;

  private CountDownLatch change = new CountDownLatch(1);

  VolumeTop(StoreContext context, String name, Root root, VolumeLog log) {
    this.context = context;
    this.name = name;
    this.blocks = root.blocks();
    this.sequence = root.sequence();
    this.log = log;
    this.active = new WriteBuffer(context.pool());
  }

  /**
   * Finds a block above the runs, and copies it if it is in memory. Under the lock.
   *
   * @param packed has it to decompress where it is compressed
   * @return its place in the journal, or {@link #IN_MEMORY} or {@link #NOWHERE}
   */
  long lookUp(long block, MemorySegment dst, long at, PackedReads packed) {
    if (readFrom(active, block, dst, at, packed)
        || (frozen != null && readFrom(frozen, block, dst, at, packed))) {
      return IN_MEMORY;
    }
    long found = log.find(block);
    if (found == VolumeLog.ZEROS) {
      dst.asSlice(at, Dubtree.BLOCK_BYTES).fill((byte) 0);
      return IN_MEMORY;
    }
    return found;
  }

  private boolean readFrom(
      WriteBuffer buffer, long block, MemorySegment dst, long at, PackedReads packed) {
    int place = buffer.place(block);
    if (place != LongIntMap.NONE) {
      if (SlabPool.isPacked(place)) {
        packed.add(context.pool(), place, at);
      } else {
        context.pool().copy(place, dst, at);
      }
      return true;
    }
    if (buffer.isZero(block)) {
      dst.asSlice(at, Dubtree.BLOCK_BYTES).fill((byte) 0);
      return true;
    }
    return false;
  }

  /** Lists what lies here of a range: first block, end, 1 for data. Under the lock. */
  List<long[]> pieces(long first, long end) {
    List<List<long[]>> layers = new ArrayList<>();
    layers.add(active.pieces(first, end));
    if (frozen != null) {
      layers.add(frozen.pieces(first, end));
    }
    layers.addAll(log.pieces(first, end));
    List<long[]> pieces = List.of();
    for (List<long[]> layer : layers) {
      pieces = overlay(pieces, layer, first, end);
    }
    return pieces;
  }

  /** The newer of two lists of pieces, and what the older has between them. */
  private static List<long[]> overlay(
      List<long[]> newer, List<long[]> older, long first, long end) {
    if (newer.isEmpty() || older.isEmpty()) {
      return newer.isEmpty() ? older : newer;
    }
    List<long[]> pieces = new ArrayList<>();
    int next = 0;
    long at = first;
    for (int i = 0; i <= newer.size(); i++) {
      long to = i < newer.size() ? newer.get(i)[0] : end;
      for (; next < older.size() && older.get(next)[0] < to; next++) {
        long[] piece = older.get(next);
        if (Math.min(to, piece[1]) > Math.max(at, piece[0])) {
          pieces.add(new long[] {Math.max(at, piece[0]), Math.min(to, piece[1]), piece[2]});
        }
        if (piece[1] > to) {
          break;
        }
      }
      if (i < newer.size()) {
        pieces.add(newer.get(i));
        at = newer.get(i)[1];
      }
    }
    return pieces;
  }

  /** The frozen buffer, which is the active one until now if there was none; null if it's empty. */
  @Nullable WriteBuffer freeze() {
    if (frozen == null && !active.isEmpty()) {
      frozen = active;
      frozenSequence = sequence;
      active = new WriteBuffer(context.pool());
      changed();
    }
    return frozen;
  }

  /** Slots that both buffers hold. Under the lock. */
  int slotCount() {
    return active.slotCount() + frozenSlots();
  }

  /** Slots that the frozen buffer holds. Under the lock. */
  int frozenSlots() {
    return frozen == null ? 0 : frozen.slotCount();
  }

  void failIfClosed() throws StorageException {
    if (closed) {
      throw new StorageException(Kind.CLOSED, "volume " + name + " is closed");
    }
  }

  /** Takes no more writes from now on; the first cause stays. Takes the lock. */
  void fail(StorageException cause) {
    synchronized (lock) {
      if (failure == null && !closed) {
        failure = cause;
        LOG.log(
            System.Logger.Level.ERROR,
            "volume {0} takes no more writes: {1}",
            name,
            cause.getMessage());
        log.endCharges();
      }
      changed();
    }
  }

  void failIfUnwritable() throws StorageException {
    failIfClosed();
    if (failure != null) {
      throw new StorageException(
          Kind.READ_ONLY,
          "volume " + name + " takes no writes since: " + failure.getMessage(),
          failure);
    }
  }

  /**
   * Takes back a block, or zeros, that an earlier process published, in the order of sequences,
   * once the journal has been read: what that covers is dropped.
   */
  void adopt(int place, long itsSequence, long block, long zeroBlocks) {
    long count = Math.max(1, zeroBlocks);
    if (itsSequence <= log.sequence() || block < 0 || count > blocks - block) {
      boolean _ = context.pool().give(place);
      return;
    }
    if (zeroBlocks == 0) {
      active.put(block, place);
    } else {
      active.putZeros(block, zeroBlocks, place);
    }
    sequence = Math.max(sequence, itsSequence);
  }

  /** Wakes who waits for a {@link #change}. Under the lock. */
  void changed() {
    change.countDown();
    change = new CountDownLatch(1);
  }

  /** Comes with the next {@link #changed}. Under the lock. */
  CountDownLatch change() {
    return change;
  }

  /**
   * Waits a little, or for a change. Not under the lock, and not by {@code Object.wait}: in JDK 25
   * virtual threads that leave that can hold every processor of theirs, each waiting for a monitor
   * that has been promised to one that has none (JDK-8369019).
   */
  void await(CountDownLatch awaited, long millis) throws StorageException {
    try {
      boolean _ = awaited.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException(Kind.IO, "waiting for room in " + name + " was interrupted", e);
    }
  }
}
