package io.bailey.io;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Reads what the kernel's page cache has of a file, and nothing else ({@code preadv2} with {@code
 * RWF_NOWAIT}), so that a thread that mustn't wait can read. Thread-safe.
 */
final class NoWaitReader {
  private static final int MAX_READ_BYTES = 128 << 10;
  private static final int IOVEC_BYTES = 16;
  private static final Pool<Buffer> POOL = new Pool<>(16);

  /** Added to the number of reads in progress once the file is to be closed. */
  private static final int CLOSED = 1 << 30;

  private final int fd;
  private final AtomicInteger users = new AtomicInteger();

  /** A file that can't be opened is read by nobody. */
  NoWaitReader(Path path) {
    fd = Posix.open(path, Posix.O_RDONLY);
  }

  private static final class Buffer {
    final MemorySegment iovec;
    final MemorySegment bytes;

    Buffer() {
      Arena arena = Arena.ofAuto();
      iovec = arena.allocate(IOVEC_BYTES, Long.BYTES);
      bytes = arena.allocate(MAX_READ_BYTES, Long.BYTES);
      iovec.set(ValueLayout.ADDRESS, 0, bytes);
    }
  }

  boolean tryRead(long offset, byte[] dst, int dstOffset, int length) {
    if (fd < 0 || length > MAX_READ_BYTES) {
      return false;
    }
    if (users.getAndIncrement() >= CLOSED) {
      // Taken back, for who closes the file waits until nobody is left.
      users.getAndDecrement();
      return false;
    }
    Buffer pooled = POOL.poll();
    Buffer buffer = pooled == null ? new Buffer() : pooled;
    try {
      buffer.iovec.set(ValueLayout.JAVA_LONG, Long.BYTES, length);
      if (Posix.preadv2(fd, buffer.iovec, offset, Posix.RWF_NOWAIT) != length) {
        return false;
      }
      MemorySegment.copy(buffer.bytes, ValueLayout.JAVA_BYTE, 0, dst, dstOffset, length);
      return true;
    } finally {
      POOL.give(buffer);
      users.getAndDecrement();
    }
  }

  /** Waits for the reads in progress, which is a matter of microseconds, and closes the file. */
  void close() {
    int before = users.getAndAdd(CLOSED);
    if (fd < 0 || before >= CLOSED) {
      return;
    }
    while (users.get() > CLOSED) {
      Thread.onSpinWait();
    }
    Posix.close(fd);
  }
}
