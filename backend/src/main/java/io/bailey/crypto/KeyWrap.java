package io.bailey.crypto;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.SmallFile;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.Cipher;
import javax.crypto.KDF;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.HKDFParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A key that wraps others so that they can lie in files (AES-256 key wrap with padding, RFC 5649):
 * a store's outer key its key-encryption key, and that one the data keys. Thread-safe; it holds one
 * {@link Cipher}, because making one costs more than wrapping a key.
 */
public final class KeyWrap {
  public static final int KEY_BYTES = 32;

  /** Bytes of a wrapped key. */
  public static final int WRAPPED_BYTES = KEY_BYTES + 8;

  /** Bytes of a {@link #mac}. */
  public static final int MAC_BYTES = 32;

  private static final SecureRandom RANDOM = new SecureRandom();

  private final SecretKeySpec key;
  private final Cipher cipher;

  private KeyWrap(byte[] secret) {
    key = new SecretKeySpec(secret, "AES");
    try {
      cipher = Cipher.getInstance("AES/KWP/NoPadding");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES key wrap is missing in this JDK", e);
    }
  }

  /** A key of the system's random bits. */
  public static KeyWrap random() {
    byte[] secret = new byte[KEY_BYTES];
    RANDOM.nextBytes(secret);
    return of(secret);
  }

  /** A key of {@link #KEY_BYTES} bytes, which are overwritten. */
  public static KeyWrap of(byte[] secret) {
    if (secret.length != KEY_BYTES) {
      throw new IllegalArgumentException("a key has " + KEY_BYTES + " bytes");
    }
    KeyWrap made = new KeyWrap(secret);
    Arrays.fill(secret, (byte) 0);
    return made;
  }

  /** {@link #read}s a key file, or makes one (mode 0600) of random bits if there is none. */
  public static KeyWrap fromFile(HostFiles files, Path directory, String name) throws IOException {
    if (files.exists(directory.resolve(name))) {
      return read(files, directory.resolve(name));
    }
    KeyWrap made = random();
    SmallFile.replace(files, directory.resolve(name), made.key.getEncoded(), KEY_BYTES);
    files.syncDirectory(directory);
    return made;
  }

  /** Reads the bytes of a key file; kind {@code INVALID} if it doesn't have as many as a key. */
  public static KeyWrap read(HostFiles files, Path path) throws IOException {
    byte[] secret = new byte[KEY_BYTES];
    try (HostFile file = files.open(path)) {
      if (file.size() != KEY_BYTES) {
        throw new StorageException(
            Kind.INVALID,
            "key file " + path + " has " + file.size() + " bytes, a key has " + KEY_BYTES);
      }
      file.read(0, secret, 0, KEY_BYTES);
    }
    return of(secret);
  }

  /** Returns {@link #WRAPPED_BYTES} bytes that only this key opens. */
  public byte[] wrap(DataKey dataKey) {
    return wrap(new SecretKeySpec(dataKey.secret(), "AES"));
  }

  /** The same for a key that wraps others. */
  public byte[] wrap(KeyWrap other) {
    return wrap(other.key);
  }

  private synchronized byte[] wrap(SecretKey secret) {
    try {
      cipher.init(Cipher.WRAP_MODE, key);
      return cipher.wrap(secret);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES key wrap failed", e);
    }
  }

  /**
   * Opens a wrapped data key.
   *
   * @param owner named in the error of a key that doesn't open
   */
  public DataKey unwrap(DataKey.Id id, byte[] wrapped, String owner) throws StorageException {
    return new DataKey(
        id,
        unwrap(wrapped)
            .orElseThrow(
                () ->
                    new StorageException(
                        Kind.DAMAGED,
                        owner
                            + ": its data key doesn't open with this store's key; is it another"
                            + " store's, or from before a 'bailey rekey'?")));
  }

  /** Opens a wrapped key that wraps others; empty if it isn't one that this key wrapped. */
  public Optional<KeyWrap> unwrapKey(byte[] wrapped) {
    return unwrap(wrapped).map(KeyWrap::of);
  }

  private synchronized Optional<byte[]> unwrap(byte[] wrapped) {
    try {
      cipher.init(Cipher.UNWRAP_MODE, key);
      byte[] secret = cipher.unwrap(wrapped, "AES", Cipher.SECRET_KEY).getEncoded();
      return secret.length == KEY_BYTES ? Optional.of(secret) : Optional.empty();
    } catch (GeneralSecurityException e) {
      return Optional.empty();
    }
  }

  /**
   * HMAC-SHA256 of bytes under a key that is derived from this one (HKDF-SHA256, RFC 5869).
   *
   * @param purpose of the record; each purpose has a key of its own
   */
  public byte[] mac(String purpose, byte[] bytes, int offset, int length) {
    try {
      SecretKey derived =
          KDF.getInstance("HKDF-SHA256")
              .deriveKey(
                  "HmacSHA256",
                  HKDFParameterSpec.ofExtract()
                      .addIKM(key)
                      .thenExpand(purpose.getBytes(StandardCharsets.US_ASCII), MAC_BYTES));
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(derived);
      mac.update(bytes, offset, length);
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("HKDF or HMAC-SHA256 is missing in this JDK", e);
    }
  }

  /** Whether the {@link #mac} of {@code length} bytes stands right after them. */
  public boolean isMacAfter(String purpose, byte[] bytes, int offset, int length) {
    byte[] found = Arrays.copyOfRange(bytes, offset + length, offset + length + MAC_BYTES);
    return MessageDigest.isEqual(found, mac(purpose, bytes, offset, length));
  }
}
