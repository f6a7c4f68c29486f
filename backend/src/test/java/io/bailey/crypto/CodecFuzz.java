package io.bailey.crypto;

import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import java.util.Arrays;

/** Compressed values and nodes: any bytes make exactly as many as they should, or none. */
final class CodecFuzz {
  private static final byte EDGE = 0x5a;

  private CodecFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    boolean node = (input.nextByte() & 1) != 0;
    int plainBytes = node ? 1 + input.nextShort() : Codec.BLOCK_BYTES;
    byte[] packed = input.rest();
    byte[] out = new byte[plainBytes + 16];
    Arrays.fill(out, EDGE);
    FuzzRule.holds(64 << 10, () -> Codec.decompress(packed, 0, packed.length, out, 8, plainBytes));
    for (int i = 0; i < 8; i++) {
      FuzzRule.check(out[i] == EDGE && out[out.length - 1 - i] == EDGE, "nothing outside");
    }
    comesBack(packed);
  }

  private static void comesBack(byte[] plain) {
    Codec codec = Codec.borrow();
    try {
      int size = codec.compress(plain, 0, plain.length);
      byte[] back = new byte[plain.length];
      FuzzRule.check(
          size < 0
              || (Codec.decompress(codec.packed(size), 0, size, back, 0, back.length)
                  && Arrays.equals(back, plain)),
          "what was compressed comes back");
    } finally {
      codec.giveBack();
    }
  }
}
