package io.bailey.crypto;

import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicLong;
import javax.crypto.KDF;
import javax.crypto.SecretKey;
import javax.crypto.spec.HKDFParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A key derived from a data key for one opening of a volume: HKDF-SHA256 (RFC 5869) over a random
 * 256-bit salt. Within an epoch every seal takes the next number of a counter as its nonce, so no
 * pair of key and nonce comes twice, whatever crashes, is copied or goes back in time: that would
 * need the same salt twice. Thread-safe.
 */
public final class Epoch {
  public static final int SALT_BYTES = 32;

  private static final int MAX_REMEMBERED = 1 << 26;
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final byte[] INFO = {'b', 'a', 'i', 'l', 'e', 'y', ' ', 'e', 'p', 'o', 'c', 'h'};

  private final DataKey.Id keyId;
  private final byte[] salt;
  private final SecretKey key;
  private final AtomicLong counter = new AtomicLong();

  /** Counters that sealed something; empty where assertions are off. Guarded by itself. */
  private final BitSet sealed = new BitSet(0);

  private Epoch(DataKey dataKey, byte[] salt) {
    this.keyId = dataKey.id();
    this.salt = salt;
    try {
      byte[] derived =
          KDF.getInstance("HKDF-SHA256")
              .deriveData(
                  HKDFParameterSpec.ofExtract()
                      .addIKM(dataKey.secret())
                      .addSalt(salt)
                      .thenExpand(INFO, 32));
      this.key = new SecretKeySpec(derived, "AES");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("HKDF-SHA256 is missing in this JDK", e);
    }
  }

  /** A new epoch, for sealing. */
  public static Epoch begin(DataKey dataKey) {
    byte[] salt = new byte[SALT_BYTES];
    RANDOM.nextBytes(salt);
    return new Epoch(dataKey, salt);
  }

  /** An epoch of the past, for opening what was sealed in it. */
  public static Epoch of(DataKey dataKey, byte[] salt) {
    return new Epoch(dataKey, salt);
  }

  public DataKey.Id keyId() {
    return keyId;
  }

  /** Public; travels with what was sealed. Not to be changed. */
  public byte[] salt() {
    return salt;
  }

  /** Takes a nonce for one seal. */
  public long nextCounter() {
    return counter.getAndIncrement();
  }

  /** Whether a counter seals for the first time. For an assertion: it remembers a counter a bit. */
  boolean isFirstSeal(long nonce) {
    if (nonce < 0 || nonce >= MAX_REMEMBERED) {
      return true;
    }
    synchronized (sealed) {
      boolean first = !sealed.get((int) nonce);
      sealed.set((int) nonce);
      return first;
    }
  }

  SecretKey key() {
    return key;
  }
}
