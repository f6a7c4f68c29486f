package io.bailey.volume;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A disk of fixed size. Offsets and lengths are bytes, of any alignment, and must lie within the
 * size; callers check (the NBD server does it in one place), and a device only asserts.
 *
 * <p>Thread-safe. Requests that overlap in time and in place may take effect in either order. A
 * call that returns normally has taken effect: later calls on any thread see it. The calls named
 * {@code try…} never wait for a disk, a lock held over I/O, or room; the others may. What needs no
 * waiting goes straight between a socket's buffer, outside the heap, and the device's memory.
 *
 * <p>Failures are {@link io.bailey.io.StorageException}s; one of kind {@code DAMAGED} concerns the
 * blocks asked for and nothing else.
 */
public interface BlockDevice {
  /** Bytes; a multiple of 512. */
  long size();

  boolean readOnly();

  /** Fills {@code length} bytes of {@code dst} from {@code dstOffset}; holes read as zeros. */
  void read(long offset, byte[] dst, int dstOffset, int length) throws IOException;

  /**
   * Like {@link #read} where the answer lies in memory. Returns false, with {@code dst} undefined,
   * where it doesn't.
   */
  boolean tryRead(long offset, MemorySegment dst, long dstOffset, int length) throws IOException;

  /** Takes the bytes; they survive the death of the process from the moment this returns. */
  void write(long offset, byte[] src, int srcOffset, int length) throws IOException;

  /**
   * Like {@link #write} where there is room at once; returns false, with nothing done, where not.
   */
  boolean tryWrite(long offset, MemorySegment src, long srcOffset, int length) throws IOException;

  /**
   * Makes a range read as zeros, at a cost that doesn't depend on its length.
   *
   * @param allocate true keeps the range allocated in what {@link #extents} reports, on a device
   *     where room that was set aside is of use to later writes
   */
  void zero(long offset, long length, boolean allocate) throws IOException;

  /** Gives a range up: whole blocks within it read as zeros from then on. */
  void trim(long offset, long length) throws IOException;

  /**
   * Returns when every write that had returned before the call would survive a power cut; at once
   * on volumes that promise no such thing.
   */
  void flush() throws IOException;

  /**
   * Whether {@link #flush} may have something to wait for; false on a device that promises nothing.
   */
  default boolean flushWaits() {
    return true;
  }

  /** Starts to bring a range into the cache, and returns without waiting for it. */
  void prefetch(long offset, long length) throws IOException;

  /**
   * Reports the range as neighbouring pieces, from {@code offset} on, until it ends or the visitor
   * returns false. Neighbouring pieces may be of the same kind.
   */
  void extents(long offset, long length, ExtentVisitor visitor) throws IOException;

  /** Takes one piece of a range. */
  @FunctionalInterface
  interface ExtentVisitor {
    /**
     * Takes the next piece.
     *
     * @param length bytes, above 0
     * @param kind what lies there
     * @return whether to go on
     */
    boolean extent(long length, ExtentKind kind);
  }

  /** What a piece of a disk is. */
  enum ExtentKind {
    /** Stored bytes. */
    DATA,
    /** Zeros that hold room (NBD: zero, not a hole). */
    ZERO,
    /** Never written, or trimmed (NBD: zero and a hole). */
    HOLE
  }
}
