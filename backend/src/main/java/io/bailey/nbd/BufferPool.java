package io.bailey.nbd;

import java.util.concurrent.ArrayBlockingQueue;

/**
 * Byte arrays for requests that wait, kept for reuse. Their sizes are powers of two and {@link
 * #HEADER_BYTES} more, so that a reply's headers don't double an array. Holds at most {@link
 * #KEPT_BYTES} of each size while nobody uses them; never refuses one. Thread-safe.
 */
final class BufferPool {
  static final int HEADER_BYTES = 4096;

  private static final int KEPT_BYTES = 4 << 20;
  private static final int SMALLEST_BITS = 12;
  private static final int LARGEST_BITS = 20;

  /** The largest is a little smaller; see {@link WaitingRequest#PIECE_BYTES}. */
  private static final int LARGEST_BYTES = WaitingRequest.PIECE_BYTES + HEADER_BYTES;

  private static final int SIZES = LARGEST_BITS - SMALLEST_BITS + 1;

  private final ArrayBlockingQueue<?>[] free = new ArrayBlockingQueue<?>[SIZES];

  BufferPool() {
    for (int i = 0; i < SIZES; i++) {
      free[i] = new ArrayBlockingQueue<byte[]>(Math.min(64, KEPT_BYTES >> (i + SMALLEST_BITS)));
    }
  }

  /** The size of the array that {@link #take} gives. */
  static int sizeOf(int atLeast) {
    return atLeast > LARGEST_BYTES
        ? atLeast
        : Math.min(LARGEST_BYTES, HEADER_BYTES + (1 << (index(atLeast) + SMALLEST_BITS)));
  }

  /** An array of at least that size, with anything in it. */
  byte[] take(int atLeast) {
    if (atLeast > LARGEST_BYTES) {
      return new byte[atLeast];
    }
    byte[] kept = (byte[]) free[index(atLeast)].poll();
    return kept != null ? kept : new byte[sizeOf(atLeast)];
  }

  /** Takes back an array that came from {@link #take}; the caller must not use it any more. */
  @SuppressWarnings("unchecked") // the constructor made every queue for byte arrays
  void give(byte[] bytes) {
    if (bytes.length <= LARGEST_BYTES && bytes.length == sizeOf(bytes.length)) {
      ((ArrayBlockingQueue<byte[]>) free[index(bytes.length)]).offer(bytes);
    }
  }

  private static int index(int atLeast) {
    int beyond = Math.max(1, atLeast - HEADER_BYTES);
    return Math.max(0, 32 - Integer.numberOfLeadingZeros(beyond - 1) - SMALLEST_BITS);
  }
}
