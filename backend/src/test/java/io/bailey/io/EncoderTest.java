package io.bailey.io;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class EncoderTest {
  /** As where the end of a page is filled up after a record. */
  @Test
  void zeros_areZeros_whateverTheArrayHadBefore() {
    Encoder out = new Encoder(4).putBytes(new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    out.clear();
    out.putByte(9).putZeros(5).putByte(10);
    assertThat(out.toBytes()).containsExactly(9, 0, 0, 0, 0, 0, 10);
  }
}
