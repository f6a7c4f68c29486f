package io.bailey.dubtree;

import io.bailey.crypto.Codec;

/** The numbers that the structure is made of. */
public final class Dubtree {
  /** Bytes of a block: the unit that is compressed, sealed and looked up. */
  public static final int BLOCK_BYTES = Codec.BLOCK_BYTES;

  public static final int BLOCK_SHIFT = 12;

  /** Blocks of the largest disk: 256 TiB. */
  public static final long MAX_BLOCKS = 1L << 36;

  /** Stored bytes that the first level below the newest runs holds. */
  public static final long FIRST_LEVEL_BYTES = 16L << 20;

  /** Each level is so many times as large as the one above it, as a shift: 16 times. */
  private static final int GROWTH_SHIFT = 4;

  /** The level of a run that came straight out of a write buffer. */
  public static final int NEWEST_LEVEL = 0;

  public static final int MAX_LEVELS = 12;

  private Dubtree() {}

  /** Stored bytes a level may hold; level 0 has its limit in runs instead. */
  public static long capacityBytes(int level) {
    if (level <= 0) {
      return 0;
    }
    return level >= MAX_LEVELS - 1
        ? Long.MAX_VALUE
        : FIRST_LEVEL_BYTES << (GROWTH_SHIFT * (level - 1));
  }
}
