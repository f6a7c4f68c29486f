package io.bailey.crypto;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.security.SecureRandom;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * How a passphrase becomes a key: Argon2id (RFC 9106, by Bouncy Castle). These parameters are
 * public and lie in the store; whoever makes them cheaper gets another key.
 *
 * <pre>
 * u32 memory in KiB    u32 passes    u32 lanes    16 salt
 * </pre>
 */
public record PassphraseKey(int memoryKib, int passes, int lanes, byte[] salt) {
  public static final int SALT_BYTES = 16;

  // What a record may ask of the host, before it is known to be authentic.
  private static final int MAX_MEMORY_KIB = 1 << 20;
  private static final int MAX_PASSES = 64;
  private static final int MAX_LANES = 64;

  /** The parameters that RFC 9106 recommends where memory is scarce, with a random salt. */
  public static PassphraseKey fresh() {
    byte[] salt = new byte[SALT_BYTES];
    new SecureRandom().nextBytes(salt);
    return new PassphraseKey(64 << 10, 3, 4, salt);
  }

  /** Takes about half a second and {@link #memoryKib} of heap. */
  public KeyWrap derive(byte[] passphrase) {
    byte[] secret = new byte[KeyWrap.KEY_BYTES];
    Argon2BytesGenerator generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
            .withVersion(Argon2Parameters.ARGON2_VERSION_13)
            .withMemoryAsKB(memoryKib)
            .withIterations(passes)
            .withParallelism(lanes)
            .withSalt(salt)
            .build());
    generator.generateBytes(passphrase, secret);
    return KeyWrap.of(secret);
  }

  public void writeTo(Encoder out) {
    out.putInt(memoryKib).putInt(passes).putInt(lanes).putBytes(salt);
  }

  /** Reads what {@link #writeTo} wrote; kind {@code DAMAGED} for more than a host should bear. */
  public static PassphraseKey readFrom(Decoder in) throws StorageException {
    PassphraseKey found =
        new PassphraseKey(in.getInt(), in.getInt(), in.getInt(), in.getBytes(SALT_BYTES));
    if (!within(found.passes, 1, MAX_PASSES)
        || !within(found.lanes, 1, MAX_LANES)
        || !within(found.memoryKib, 8 * found.lanes, MAX_MEMORY_KIB)) {
      throw in.damaged("has parameters of Argon2id beyond what is allowed");
    }
    return found;
  }

  private static boolean within(int value, int least, int most) {
    return value >= least && value <= most;
  }
}
