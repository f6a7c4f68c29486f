package io.bailey.nbd;

import java.util.Random;

/** Bytes for tests, the same each time. */
final class TestBytes {
  private TestBytes() {}

  static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(42).nextBytes(bytes);
    return bytes;
  }

  /** Runs of random bytes among zeros. */
  static byte[] sparse(int length) {
    byte[] bytes = new byte[length];
    Random random = new Random(42);
    for (int at = 0; at < length; at += 100_000) {
      byte[] run = new byte[Math.min(random.nextInt(60_000), length - at)];
      random.nextBytes(run);
      System.arraycopy(run, 0, bytes, at, run.length);
    }
    return bytes;
  }
}
