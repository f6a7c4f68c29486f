package io.bailey.bench;

import java.util.SplittableRandom;

/**
 * Which blocks the test writes and reads: in each round as many requests as there are operations,
 * each of 1 to 32 sectors widened to whole blocks, at addresses that follow from the seed and the
 * round.
 *
 * @param spanBytes of the disk, a multiple of 4096
 */
record Workload(long spanBytes, int operations, long seed) {
  static final int MAX_SECTORS = 32;
  static final int MAX_BLOCKS = MAX_SECTORS * Pattern.SECTOR_BYTES / Pattern.BLOCK_BYTES;
  static final double MEAN_BLOCKS = (1 + MAX_BLOCKS) / 2.0;

  Workload {
    if (spanBytes < (long) MAX_BLOCKS * Pattern.BLOCK_BYTES
        || spanBytes % Pattern.BLOCK_BYTES != 0
        || operations < 1) {
      throw new IllegalArgumentException("no workload of " + operations + " on " + spanBytes);
    }
  }

  /** The requests of a round, the same each time. */
  Requests requests(int round) {
    return new Requests(new SplittableRandom(seed * 1_000_003 + round));
  }

  /** A walk over one round's requests. One thread. */
  final class Requests {
    private final SplittableRandom random;
    private final long starts = spanBytes / Pattern.BLOCK_BYTES - MAX_BLOCKS + 1;
    private long block;
    private int blocks;

    private Requests(SplittableRandom random) {
      this.random = random;
    }

    /** Goes to the next request; there is always one. */
    void next() {
      block = random.nextLong(starts);
      int sectors = random.nextInt(1, MAX_SECTORS + 1);
      blocks = (sectors * Pattern.SECTOR_BYTES + Pattern.BLOCK_BYTES - 1) / Pattern.BLOCK_BYTES;
    }

    long block() {
      return block;
    }

    /** 1 to 4. */
    int blocks() {
      return blocks;
    }
  }
}
