package io.bailey.fuzz;

import java.util.Arrays;

/** The bytes of a fuzzer, taken from the front; zeros once they have run out. */
public final class FuzzInput {
  private final byte[] bytes;
  private int at;

  public FuzzInput(byte[] bytes) {
    this.bytes = bytes;
  }

  public boolean isEmpty() {
    return at == bytes.length;
  }

  public int nextByte() {
    return isEmpty() ? 0 : bytes[at++] & 0xff;
  }

  public int nextShort() {
    return nextByte() << 8 | nextByte();
  }

  public int nextInt() {
    return nextShort() << 16 | nextShort();
  }

  public long nextLong() {
    return (long) nextInt() << 32 | (nextInt() & 0xffff_ffffL);
  }

  /** At most so many. */
  public byte[] nextBytes(int most) {
    int count = Math.min(most, bytes.length - at);
    at += count;
    return Arrays.copyOfRange(bytes, at - count, at);
  }

  public byte[] rest() {
    return nextBytes(bytes.length);
  }
}
