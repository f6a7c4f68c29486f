package io.bailey.nbd;

import java.util.concurrent.ArrayBlockingQueue;

/**
 * Byte arrays for requests that wait, kept for reuse in sizes of powers of two. Holds at most
 * {@link #KEPT_BYTES} of each size while nobody uses them; never refuses one. Thread-safe.
 */
final class BufferPool {
  /** Arrays above this size are not kept. */
  static final int LARGEST_BYTES = 4 << 20;

  static final int KEPT_BYTES = 4 << 20;
  private static final int SMALLEST_BITS = 13;
  private static final int SIZES = 32 - Integer.numberOfLeadingZeros(LARGEST_BYTES) - SMALLEST_BITS;

  private final ArrayBlockingQueue<?>[] free = new ArrayBlockingQueue<?>[SIZES];

  BufferPool() {
    for (int i = 0; i < SIZES; i++) {
      free[i] = new ArrayBlockingQueue<byte[]>(Math.min(64, KEPT_BYTES >> (i + SMALLEST_BITS)));
    }
  }

  /** An array of at least that size, with anything in it. */
  byte[] take(int atLeast) {
    int size = index(atLeast);
    if (size >= SIZES) {
      return new byte[atLeast];
    }
    byte[] kept = (byte[]) free[size].poll();
    return kept != null ? kept : new byte[1 << (size + SMALLEST_BITS)];
  }

  /** Takes back an array that came from {@link #take}; the caller must not use it any more. */
  @SuppressWarnings("unchecked") // the constructor made every queue for byte arrays
  void give(byte[] bytes) {
    int size = index(bytes.length);
    if (size < SIZES && bytes.length == 1 << (size + SMALLEST_BITS)) {
      ((ArrayBlockingQueue<byte[]>) free[size]).offer(bytes);
    }
  }

  private static int index(int atLeast) {
    return Math.max(0, 32 - Integer.numberOfLeadingZeros(atLeast - 1) - SMALLEST_BITS);
  }
}
