package io.bailey.crypto;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.KDF;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.HKDFParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.engines.AESEngine;
import org.bouncycastle.crypto.engines.RFC5649WrapEngine;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.modes.GCMBlockCipher;
import org.bouncycastle.crypto.params.AEADParameters;
import org.bouncycastle.crypto.params.Argon2Parameters;
import org.bouncycastle.crypto.params.KeyParameter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The algorithms that we take from others, against published answers and one another. */
final class KnownAnswerTest {
  private static final String MCGREW_KEY =
      "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
  private static final String MCGREW_PLAIN =
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
  private static final String MCGREW_SEALED =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  private static byte[] repeated(int value, int count) {
    byte[] bytes = new byte[count];
    java.util.Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private static void gcm(String key, String nonce, String outside, String plain, String sealed)
      throws Exception {
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    SecretKeySpec secret = new SecretKeySpec(hex(key), "AES");
    cipher.init(Cipher.ENCRYPT_MODE, secret, new GCMParameterSpec(128, hex(nonce)));
    cipher.updateAAD(hex(outside));
    assertThat(hex(cipher.doFinal(hex(plain)))).isEqualTo(sealed);
    cipher.init(Cipher.DECRYPT_MODE, secret, new GCMParameterSpec(128, hex(nonce)));
    cipher.updateAAD(hex(outside));
    assertThat(hex(cipher.doFinal(hex(sealed)))).isEqualTo(plain);
  }

  /** Test cases 13 to 16 of the GCM specification, and two of NIST's gcmEncryptExtIV256. */
  @Test
  void gcm_givesThePublishedAnswers() throws Exception {
    String zeroKey = "00".repeat(32);
    String zeroNonce = "00".repeat(12);
    gcm(zeroKey, zeroNonce, "", "", "530f8afbc74536b9a963b4f1c4cb738b");
    gcm(
        zeroKey,
        zeroNonce,
        "",
        "00".repeat(16),
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    gcm(
        MCGREW_KEY,
        "cafebabefacedbaddecaf888",
        "",
        MCGREW_PLAIN + "1aafd255",
        MCGREW_SEALED + "898015ad" + "b094dac5d93471bdec1a502270e3cc6c");
    gcm(
        MCGREW_KEY,
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        MCGREW_PLAIN,
        MCGREW_SEALED + "76fc6ece0f4e1768cddf8853bb2d551b");
    gcm(
        "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
        "516c33929df5a3284ff463d7",
        "",
        "",
        "bdc1ac884d332457a1d2664f168c76f0");
    gcm(
        "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
        "0d18e06c7c725ac9e362e1ce",
        "",
        "2db5168e932556f8089a0622981d017d",
        "fa4362189661d163fcd6a56d8bf0405ad636ac1bbedd5cc3ee727dc2ab4a9489");
  }

  /** What {@link Aead} makes, another implementation makes too. */
  @Test
  void aSeal_isWhatAnotherImplementationMakes() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Aead aead = new Aead();
    Epoch epoch = Epoch.begin(DataKey.random());
    for (int i = 0; i < 200; i++) {
      byte[] plain = new byte[random.nextInt(5000)];
      random.nextBytes(plain);
      byte[] outside = new byte[random.nextInt(100)];
      random.nextBytes(outside);
      long counter = random.nextLong();
      byte[] sealed = new byte[plain.length + Aead.TAG_BYTES];
      aead.sealWith(epoch, counter, outside, plain, 0, plain.length, sealed, 0);
      GCMBlockCipher other = (GCMBlockCipher) GCMBlockCipher.newInstance(AESEngine.newInstance());
      byte[] nonce = java.nio.ByteBuffer.allocate(12).putInt(0).putLong(counter).array();
      other.init(
          true,
          new AEADParameters(new KeyParameter(epoch.key().getEncoded()), 128, nonce, outside));
      byte[] expected = new byte[other.getOutputSize(plain.length)];
      other.doFinal(expected, other.processBytes(plain, 0, plain.length, expected, 0));
      assertThat(sealed).as("seed %d, seal %d", seed, i).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @CsvSource({
    // RFC 5869, A.1 and A.3
    "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b, 000102030405060708090a0b0c,"
        + " f0f1f2f3f4f5f6f7f8f9, 3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        + "34007208d5b887185865",
    "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b, '', '',"
        + " 8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
  })
  void hkdf_givesThePublishedAnswers(String input, String salt, String info, String output)
      throws Exception {
    assertThat(
            hex(
                KDF.getInstance("HKDF-SHA256")
                    .deriveData(
                        HKDFParameterSpec.ofExtract()
                            .addIKM(hex(input))
                            .addSalt(hex(salt))
                            .thenExpand(hex(info), 42))))
        .isEqualTo(output);
  }

  /** RFC 5649, section 6; its keys are of 192 bits. */
  @ParameterizedTest
  @CsvSource({
    "c37b7e6492584340bed12207808941155068f738,"
        + " 138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
    "466f7250617369, afbeb0f07dfbf5419200f2ccb50bb24f"
  })
  void keyWrap_givesThePublishedAnswers(String plain, String wrapped) throws Exception {
    Cipher cipher = Cipher.getInstance("AES/KWP/NoPadding");
    cipher.init(
        Cipher.WRAP_MODE,
        new SecretKeySpec(hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"), "AES"));
    assertThat(hex(cipher.wrap(new SecretKeySpec(hex(plain), "AES")))).isEqualTo(wrapped);
  }

  @Test
  void aWrappedKey_isWhatAnotherImplementationMakes() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 100; i++) {
      byte[] outer = new byte[KeyWrap.KEY_BYTES];
      random.nextBytes(outer);
      RFC5649WrapEngine other = new RFC5649WrapEngine(AESEngine.newInstance());
      other.init(true, new KeyParameter(outer));
      DataKey key = DataKey.random();
      assertThat(KeyWrap.of(outer).wrap(key))
          .as("seed %d, key %d", seed, i)
          .isEqualTo(other.wrap(key.secret(), 0, KeyWrap.KEY_BYTES));
    }
  }

  /** RFC 9106, 5.3. */
  @Test
  void argon2id_givesThePublishedAnswer() {
    Argon2BytesGenerator generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
            .withVersion(Argon2Parameters.ARGON2_VERSION_13)
            .withMemoryAsKB(32)
            .withIterations(3)
            .withParallelism(4)
            .withSalt(repeated(2, 16))
            .withSecret(repeated(3, 8))
            .withAdditional(repeated(4, 12))
            .build());
    byte[] tag = new byte[32];
    generator.generateBytes(repeated(1, 32), tag);
    assertThat(hex(tag))
        .isEqualTo("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
  }

  /** A test of the reference implementation: 64 MiB, 2 passes, 1 lane. */
  @Test
  void aPassphrasesKey_isTheOneOfTheReferenceImplementation() {
    byte[] salt = "somesalt".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    byte[] passphrase = "password".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    KeyWrap derived = new PassphraseKey(65536, 2, 1, salt).derive(passphrase);
    DataKey key = DataKey.random();
    KeyWrap expected =
        KeyWrap.of(hex("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"));
    assertThat(derived.wrap(key)).isEqualTo(expected.wrap(key));
  }
}
