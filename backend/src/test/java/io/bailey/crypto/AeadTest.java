package io.bailey.crypto;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

final class AeadTest {
  private final Aead aead = new Aead();
  private final DataKey key = DataKey.random();
  private final Epoch epoch = Epoch.begin(key);

  @Test
  void whatIsSealed_opens_andTheRoomAfterItIsPutBack() {
    for (long seed = 1; seed <= 50; seed++) {
      Random random = new Random(seed);
      byte[] plain = bytes(random, 1 + random.nextInt(5000));
      long counter = epoch.nextCounter();
      byte[] sealed = new byte[plain.length + 16];
      aead.seal(epoch, counter, plain, 0, plain.length, sealed, 0);
      byte[] tags = new byte[48];
      System.arraycopy(sealed, plain.length, tags, 20, 16);
      byte[] in = bytes(random, plain.length + 40);
      System.arraycopy(sealed, 0, in, 7, plain.length);
      byte[] before = in.clone();
      byte[] out = new byte[plain.length + 3];
      assertThat(aead.open(epoch, counter, in, 7, plain.length, tags, 20, out, 3))
          .as("seed %d", seed)
          .isTrue();
      assertThat(Arrays.copyOfRange(out, 3, out.length)).as("seed %d", seed).isEqualTo(plain);
      assertThat(in).as("seed %d", seed).isEqualTo(before);
      tags[20] ^= 1;
      assertThat(aead.open(epoch, counter, in, 7, plain.length, tags, 20, out, 3)).isFalse();
      assertThat(in).as("seed %d, after a failure", seed).isEqualTo(before);
    }
  }

  @Test
  void everyFlippedByte_andAWrongCounterOrEpoch_fail() {
    byte[] plain = bytes(new Random(1), 100);
    byte[] outside = bytes(new Random(2), 30);
    byte[] sealed = new byte[116];
    aead.sealWith(epoch, 5, outside, plain, 0, 100, sealed, 0);
    assertThat(opens(epoch, 5, outside, sealed)).isTrue();
    for (int i = 0; i < sealed.length; i++) {
      sealed[i] ^= 0x10;
      assertThat(opens(epoch, 5, outside, sealed)).as("byte %d", i).isFalse();
      sealed[i] ^= 0x10;
    }
    for (int i = 0; i < outside.length; i++) {
      outside[i] ^= 0x10;
      assertThat(opens(epoch, 5, outside, sealed)).as("outside byte %d", i).isFalse();
      outside[i] ^= 0x10;
    }
    assertThat(opens(epoch, 6, outside, sealed)).as("counter").isFalse();
    assertThat(opens(epoch, 5L | 1L << 40, outside, sealed)).as("high bits").isFalse();
    assertThat(opens(Epoch.begin(key), 5, outside, sealed)).as("epoch").isFalse();
    byte[] salt = epoch.salt();
    assertThat(opens(Epoch.of(DataKey.random(), salt), 5, outside, sealed)).as("key").isFalse();
    assertThat(opens(Epoch.of(key, salt), 5, outside, sealed)).as("the same again").isTrue();
  }

  private boolean opens(Epoch with, long counter, byte[] outside, byte[] sealed) {
    return aead.openWith(with, counter, outside, sealed, 0, 100, new byte[100], 0);
  }

  /** What others must do to read our files: RFC 5869 by hand, then plain AES-256-GCM. */
  @Test
  void aSealedValue_isPlainHkdfAndGcm() throws Exception {
    byte[] plain = bytes(new Random(3), 4096);
    byte[] sealed = new byte[4112];
    aead.seal(epoch, 0x0102030405060708L, plain, 0, 4096, sealed, 0);

    byte[] extracted = hmac(epoch.salt(), key.secret());
    byte[] info = "bailey epoch\u0001".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    byte[] derived = hmac(extracted, info);
    byte[] nonce = ByteBuffer.allocate(12).putInt(0).putLong(0x0102030405060708L).array();
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(
        Cipher.DECRYPT_MODE, new SecretKeySpec(derived, "AES"), new GCMParameterSpec(128, nonce));
    assertThat(cipher.doFinal(sealed)).isEqualTo(plain);
  }

  private static byte[] hmac(byte[] key, byte[] data) throws Exception {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(data);
  }

  private static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }
}
