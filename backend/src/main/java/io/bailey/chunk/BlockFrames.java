package io.bailey.chunk;

import io.bailey.io.AheadThread;
import io.bailey.io.Posix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Memory for cached blocks outside the Java heap: frames of 4096 bytes, which take memory of the
 * system's from shortly before their first use on. Thread-safe.
 *
 * <p>That memory is asked for ahead of need, by a thread of its own: to clear a huge page takes a
 * tenth of a millisecond, and milliseconds in a virtual machine that must get it from its host.
 *
 * <p>A frame may be given up while somebody copies from it. So a copy counts only if its frame
 * still is in use afterwards: whoever gives a frame up says so before anybody else can fill it.
 */
final class BlockFrames {
  static final int FRAME_BYTES = 4096;

  /** Frames beyond the capacity: those of entries that are being evicted. */
  static final int CHANGING = 1024;

  /** Frames that are prepared at a time: a huge page of them. */
  private static final int STEP = 512;

  /** Frames that have memory and were never used, below which more are prepared: 8 MiB. */
  static final int AHEAD = 4 * STEP;

  /** A cache of fewer in all is touched as it is used: ahead, it would soon be all. */
  static final int MIN_FRAMES_FOR_AHEAD = 8 * AHEAD;

  private static final Executor PREPARER = AheadThread.named("bailey-frames-");

  private final MemorySegment memory;
  private final int capacity;

  /** Numbers of frames that were given up; guarded by {@code this}, as what follows. */
  private int[] free = new int[1024];

  private int freeCount;

  /** Frames that have been used at least once: those of the lowest numbers. */
  private int touched;

  /** Frames that have memory: those of the lowest numbers. */
  private int prepared;

  private boolean preparing;

  /**
   * @param capacity frames that can be in use at a time, but for {@link #CHANGING} more
   */
  BlockFrames(int capacity) {
    this.capacity = capacity + CHANGING;
    memory = Posix.reserve((long) this.capacity * FRAME_BYTES, Arena.ofAuto());
    prepared = this.capacity < MIN_FRAMES_FOR_AHEAD ? this.capacity : 0;
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
    int number;
    synchronized (this) {
      if (freeCount > 0) {
        number = free[--freeCount];
      } else if (touched < capacity) {
        prepareAhead();
        number = touched++;
      } else {
        return null;
      }
    }
    Frame frame = new Frame(number);
    MemorySegment.copy(src, at, memory, ValueLayout.JAVA_BYTE, frame.offset(), FRAME_BYTES);
    return frame;
  }

  /** Under the lock: has the next frames prepared by another thread. */
  private void prepareAhead() {
    if (!preparing && prepared < capacity && prepared - touched < AHEAD) {
      preparing = true;
      PREPARER.execute(this::prepare);
    }
  }

  private void prepare() {
    int from;
    while ((from = nextToPrepare()) >= 0) {
      int to = Math.min(from + STEP, capacity);
      Posix.populate(memory.asSlice((long) from * FRAME_BYTES, (long) (to - from) * FRAME_BYTES));
      synchronized (this) {
        prepared = to;
      }
    }
  }

  /** The first frame to prepare; -1 if there are enough. */
  private synchronized int nextToPrepare() {
    // Who couldn't wait has touched what comes first.
    prepared = Math.max(prepared, touched / STEP * STEP);
    preparing = prepared < capacity && prepared - touched < 2 * AHEAD;
    return preparing ? prepared : -1;
  }

  /** Frames that have memory, used or not. */
  synchronized int prepared() {
    return prepared;
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
