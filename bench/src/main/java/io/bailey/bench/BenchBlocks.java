package io.bailey.bench;

/** Blocks of the test's data, for benchmarks of the engine's pieces. */
public final class BenchBlocks {
  public static final int BLOCK_BYTES = Pattern.BLOCK_BYTES;

  private BenchBlocks() {}

  /** A block as the test writes it. */
  public static byte[] block(long block, int version) {
    byte[] bytes = new byte[BLOCK_BYTES];
    Pattern.fill(block, version, bytes, 0);
    return bytes;
  }
}
