package io.bailey.bench;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * What the test writes. A sector of 512 bytes is the 32-bit little-endian sequence {@code i mod m},
 * {@code m = 1 + s mod 800}, where {@code s} is the sector's number xor 1117 times its version; its
 * first 8 bytes are {@code s} itself. LZ4 packs a block of 8 sectors to 538 bytes. One thread.
 */
final class Pattern {
  static final int SECTOR_BYTES = 512;
  static final int BLOCK_BYTES = 4096;

  /** What LZ4 leaves of a block on average, in bytes. */
  static final int PACKED_BLOCK_BYTES = 538;

  private static final int SECTORS = BLOCK_BYTES / SECTOR_BYTES;
  private static final int INTS = SECTOR_BYTES / Integer.BYTES;
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] expected = new byte[BLOCK_BYTES];

  /** Fills a block with what its version has. */
  static void fill(long block, int version, byte[] dst, int at) {
    for (int i = 0; i < SECTORS; i++) {
      fillSector(block * SECTORS + i, version, dst, at + i * SECTOR_BYTES);
    }
  }

  private static void fillSector(long sector, int version, byte[] dst, int at) {
    long s = sector ^ (1117L * version);
    int m = 1 + (int) (s % 800);
    int value = 0;
    for (int i = 0; i < INTS; i++) {
      INT.set(dst, at + Integer.BYTES * i, value);
      if (++value == m) {
        value = 0;
      }
    }
    LONG.set(dst, at, s);
  }

  /** Compares every byte of a block; returns the index of the first wrong one, or -1. */
  int mismatch(long block, int version, byte[] found, int at) {
    if (version == 0) {
      Arrays.fill(expected, (byte) 0);
    } else {
      fill(block, version, expected, 0);
    }
    return Arrays.mismatch(expected, 0, BLOCK_BYTES, found, at, at + BLOCK_BYTES);
  }
}
