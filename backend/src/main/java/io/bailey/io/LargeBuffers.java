package io.bailey.io;

/**
 * Arrays of a bit over 1 MiB, for host reads and writes, lent again and again: the garbage
 * collector handles arrays of that size one by one. Keeps a few; asks for more where none is free.
 * Thread-safe.
 */
public final class LargeBuffers {
  /** The host I/O that a buffer is for. */
  public static final int IO_BYTES = 1 << 20;

  /** Bytes of each buffer. */
  public static final int BYTES = IO_BYTES + (16 << 10);

  private static final Pool<byte[]> POOL = new Pool<>(48);

  private LargeBuffers() {}

  /** Lends a buffer with whatever bytes it last had. */
  public static byte[] take() {
    byte[] buffer = POOL.poll();
    return buffer == null ? new byte[BYTES] : buffer;
  }

  /** Takes back what was lent; other arrays are left to the garbage collector. */
  public static void give(byte[] buffer) {
    if (buffer.length == BYTES) {
      POOL.give(buffer);
    }
  }
}
