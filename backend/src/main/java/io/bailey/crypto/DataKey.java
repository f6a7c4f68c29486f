package io.bailey.crypto;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A 256-bit key that one image or volume is sealed under, with the id that records name it by. The
 * secret never seals anything itself: epochs are derived from it. {@link #toString} shows the id.
 */
public final class DataKey {
  public static final int ID_BYTES = 16;
  static final int SECRET_BYTES = 32;

  private static final SecureRandom RANDOM = new SecureRandom();

  private final Id id;
  private final byte[] secret;

  DataKey(Id id, byte[] secret) {
    this.id = id;
    this.secret = secret;
  }

  /** A fresh key of the system's random bits. */
  public static DataKey random() {
    byte[] id = new byte[ID_BYTES];
    byte[] secret = new byte[SECRET_BYTES];
    RANDOM.nextBytes(id);
    RANDOM.nextBytes(secret);
    return new DataKey(new Id(id), secret);
  }

  public Id id() {
    return id;
  }

  byte[] secret() {
    return secret;
  }

  @Override
  public String toString() {
    return "data key " + id;
  }

  /** The public name of a key: 16 random bytes. */
  public record Id(byte[] bytes) {
    public Id {
      if (bytes.length != ID_BYTES) {
        throw new IllegalArgumentException("a key id has " + ID_BYTES + " bytes");
      }
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Id(byte[] that) && Arrays.equals(bytes, that);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
      return HexFormat.of().formatHex(bytes);
    }
  }
}
