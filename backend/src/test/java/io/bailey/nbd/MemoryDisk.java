package io.bailey.nbd;

import io.bailey.io.StorageException;
import io.bailey.volume.BlockDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * A disk in memory that behaves like a volume: sparse, with zeroed and given-up ranges told apart.
 * It can be made to fail, to hold its callers, and to have nothing at hand, so that every request
 * has to wait. It counts its calls.
 */
public final class MemoryDisk implements BlockDevice {
  private static final int BLOCK = 4096;

  /** A block that reads as zeros and holds room. */
  private static final byte[] ALLOCATED = new byte[0];

  private final long size;
  private final boolean readOnly;
  private final TreeMap<Long, byte[]> blocks = new TreeMap<>();
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private final List<String> calls = new CopyOnWriteArrayList<>();
  private final AtomicInteger touches = new AtomicInteger();
  private volatile boolean cold;
  private volatile StorageException.@Nullable Kind failure;
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private volatile boolean passable;
  private volatile @Nullable Error broken;
  private final AtomicInteger held = new AtomicInteger();

  public MemoryDisk(long size) {
    this(size, false);
  }

  public MemoryDisk(long size, boolean readOnly) {
    this.size = size;
    this.readOnly = readOnly;
  }

  /** From now on nothing is at hand: every {@code try…} says no. */
  public MemoryDisk cold() {
    cold = true;
    return this;
  }

  /** From now on every call fails so; null ends that. */
  public void failWith(StorageException.@Nullable Kind kind) {
    failure = kind;
  }

  /** From now on every call that isn't a mere attempt ends so, which no device means to do. */
  public void breakWith(Error error) {
    broken = error;
  }

  /** From now on every call that may wait does, until {@link #release}. Implies cold. */
  public void hold() {
    cold = true;
    holdAttempts();
  }

  /** As {@link #hold}, but all is at hand: attempts wait too. */
  public void holdAttempts() {
    gate = new CountDownLatch(1);
  }

  public void release() {
    gate.countDown();
  }

  /** From now on callers pass; those that are held stay so until {@link #release}. */
  public void letOthersPass() {
    passable = true;
  }

  /** Callers that {@link #hold} keeps waiting now. */
  public int held() {
    return held.get();
  }

  /** Calls that change something or sync, and prefetches, in the order in which they ended. */
  public List<String> calls() {
    return calls;
  }

  /** Calls of any kind so far, {@link #size} and {@link #readOnly} too. */
  public int touches() {
    return touches.get();
  }

  @Override
  public long size() {
    touches.incrementAndGet();
    return size;
  }

  @Override
  public boolean readOnly() {
    touches.incrementAndGet();
    return readOnly;
  }

  @Override
  public boolean tryRead(long offset, MemorySegment dst, long dstOffset, int length)
      throws IOException {
    if (cold) {
      return false;
    }
    byte[] bytes = new byte[length];
    read(offset, bytes, 0, length);
    MemorySegment.copy(bytes, 0, dst, ValueLayout.JAVA_BYTE, dstOffset, length);
    return true;
  }

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    enter(offset, length);
    lock.readLock().lock();
    try {
      for (int at = 0; at < length; ) {
        long place = offset + at;
        int within = (int) (place % BLOCK);
        int part = Math.min(BLOCK - within, length - at);
        byte[] block = blocks.get(place / BLOCK);
        if (block == null || block.length == 0) {
          Arrays.fill(dst, dstOffset + at, dstOffset + at + part, (byte) 0);
        } else {
          System.arraycopy(block, within, dst, dstOffset + at, part);
        }
        at += part;
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public boolean tryWrite(long offset, MemorySegment src, long srcOffset, int length)
      throws IOException {
    if (cold) {
      return false;
    }
    byte[] bytes = new byte[length];
    MemorySegment.copy(src, ValueLayout.JAVA_BYTE, srcOffset, bytes, 0, length);
    write(offset, bytes, 0, length);
    return true;
  }

  @Override
  public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
    enter(offset, length);
    lock.writeLock().lock();
    try {
      for (int at = 0; at < length; ) {
        long place = offset + at;
        int within = (int) (place % BLOCK);
        int part = Math.min(BLOCK - within, length - at);
        System.arraycopy(src, srcOffset + at, block(place / BLOCK), within, part);
        at += part;
      }
    } finally {
      lock.writeLock().unlock();
    }
    calls.add("write " + offset + " " + length);
  }

  private byte[] block(long number) {
    byte[] block = blocks.get(number);
    if (block == null || block.length == 0) {
      block = new byte[BLOCK];
      blocks.put(number, block);
    }
    return block;
  }

  @Override
  public void zero(long offset, long length, boolean allocate) throws IOException {
    enter(offset, length);
    clear(offset, length, allocate);
    calls.add("zero " + offset + " " + length + (allocate ? " allocate" : ""));
  }

  @Override
  public void trim(long offset, long length) throws IOException {
    enter(offset, length);
    clear(offset, length, false);
    calls.add("trim " + offset + " " + length);
  }

  private void clear(long offset, long length, boolean allocate) {
    long end = offset + length;
    long first = Math.ceilDiv(offset, BLOCK);
    long last = end / BLOCK;
    lock.writeLock().lock();
    try {
      fillPart(offset, Math.min(end, first * BLOCK));
      fillPart(Math.max(offset, last * BLOCK), end);
      if (first < last) {
        blocks.subMap(first, last).clear();
        for (long number = first; allocate && number < last; number++) {
          blocks.put(number, ALLOCATED);
        }
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private void fillPart(long from, long to) {
    byte[] block = blocks.get(from / BLOCK);
    if (from < to && block != null && block.length > 0) {
      int within = (int) (from % BLOCK);
      Arrays.fill(block, within, within + (int) (to - from), (byte) 0);
    }
  }

  @Override
  public void flush() throws IOException {
    enter(0, 0);
    calls.add("flush");
  }

  @Override
  public void prefetch(long offset, long length) {
    touches.incrementAndGet();
    calls.add("prefetch " + offset + " " + length);
  }

  @Override
  public void extents(long offset, long length, ExtentVisitor visitor) throws IOException {
    enter(offset, length);
    lock.readLock().lock();
    try {
      long end = offset + length;
      boolean more = true;
      for (long at = offset; more && at < end; ) {
        byte[] block = blocks.get(at / BLOCK);
        Long following = block == null ? blocks.higherKey(at / BLOCK) : null;
        long next = (at / BLOCK + 1) * BLOCK;
        if (block == null) {
          next = following == null ? end : following * BLOCK;
        }
        ExtentKind kind =
            block == null ? ExtentKind.HOLE : block.length == 0 ? ExtentKind.ZERO : ExtentKind.DATA;
        more = visitor.extent(Math.min(end, next) - at, kind);
        at = next;
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  private void enter(long offset, long length) throws IOException {
    touches.incrementAndGet();
    if (offset < 0 || length < 0 || offset > size - length) {
      throw new AssertionError("out of range: " + offset + " + " + length);
    }
    held.incrementAndGet();
    try {
      if (!passable) {
        gate.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException(StorageException.Kind.IO, "interrupted");
    } finally {
      held.decrementAndGet();
    }
    Error error = broken;
    if (error != null) {
      throw error;
    }
    StorageException.Kind kind = failure;
    if (kind != null) {
      throw new StorageException(kind, "injected: " + kind);
    }
  }
}
