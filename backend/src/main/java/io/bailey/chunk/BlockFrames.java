package io.bailey.chunk;

import io.bailey.io.Posix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Memory for cached blocks outside the Java heap: frames of 4096 bytes, which take memory of the
 * system's from their first use on. Thread-safe.
 *
 * <p>A frame may be given up while somebody copies from it. So a copy counts only if its frame
 * still is in use afterwards: whoever gives a frame up says so before anybody else can fill it.
 */
final class BlockFrames {
  static final int FRAME_BYTES = 4096;

  /** Frames beyond the capacity: those of entries that are being evicted. */
  static final int CHANGING = 1024;

  private final MemorySegment memory;
  private final int capacity;

  /** Numbers of frames that were given up; guarded by {@code this}, as what follows. */
  private int[] free = new int[1024];

  private int freeCount;

  /** Frames that have been used at least once: those of the lowest numbers. */
  private int touched;

  /**
   * @param capacity frames that can be in use at a time, but for {@link #CHANGING} more
   */
  BlockFrames(int capacity) {
    this.capacity = capacity + CHANGING;
    memory = Posix.reserve((long) this.capacity * FRAME_BYTES, Arena.ofAuto());
  }

  /** A frame in use. */
  static final class Frame {
    private final int number;
    private volatile boolean given;

    private Frame(int number) {
      this.number = number;
    }

    private long offset() {
      return (long) number * FRAME_BYTES;
    }
  }

  /** Takes a frame and fills it; null if all are in use. */
  @Nullable Frame take(byte[] src, int at) {
    return take(src, at, 0);
  }

  /** The same, but null already if taking it would have another one evicted. */
  @Nullable Frame takeSpare(byte[] src, int at) {
    return take(src, at, CHANGING);
  }

  private @Nullable Frame take(byte[] src, int at, int left) {
    Frame frame;
    synchronized (this) {
      if (capacity - touched + freeCount <= left) {
        return null;
      }
      frame = new Frame(freeCount > 0 ? free[--freeCount] : touched++);
    }
    MemorySegment.copy(src, at, memory, ValueLayout.JAVA_BYTE, frame.offset(), FRAME_BYTES);
    return frame;
  }

  /** Copies a frame's bytes; false, with {@code dst} undefined, if it was given up meanwhile. */
  boolean copy(Frame frame, MemorySegment dst, long at) {
    if (frame.given) {
      return false;
    }
    MemorySegment.copy(memory, frame.offset(), dst, at, FRAME_BYTES);
    VarHandle.loadLoadFence();
    return !frame.given;
  }

  /** Gives a frame up; once only. */
  void give(Frame frame) {
    frame.given = true;
    synchronized (this) {
      if (freeCount == free.length) {
        free = Arrays.copyOf(free, 2 * freeCount);
      }
      free[freeCount++] = frame.number;
    }
  }
}
