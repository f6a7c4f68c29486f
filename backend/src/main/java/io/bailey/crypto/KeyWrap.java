package io.bailey.crypto;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/**
 * The key-encryption key of a store: wraps data keys so that they can lie in files (AES-256 key
 * wrap with padding, RFC 5649). Thread-safe.
 */
public final class KeyWrap {
  /** Bytes of a wrapped data key. */
  public static final int WRAPPED_BYTES = DataKey.SECRET_BYTES + 8;

  private static final int KEY_BYTES = 32;

  private final SecretKeySpec key;

  private KeyWrap(byte[] secret) {
    key = new SecretKeySpec(secret, "AES");
  }

  /** Reads the 32 bytes of a key file, or makes one (mode 0600) of random bits if there is none. */
  public static KeyWrap fromFile(HostFiles files, Path directory, String name) throws IOException {
    Path path = directory.resolve(name);
    byte[] secret = new byte[KEY_BYTES];
    if (files.exists(path)) {
      try (HostFile file = files.open(path)) {
        if (file.size() != KEY_BYTES) {
          throw new StorageException(
              Kind.INVALID,
              "key file " + path + " has " + file.size() + " bytes, a key has " + KEY_BYTES);
        }
        file.read(0, secret, 0, KEY_BYTES);
      }
      return new KeyWrap(secret);
    }
    new SecureRandom().nextBytes(secret);
    Path fresh = directory.resolve(name + ".new");
    files.delete(fresh);
    try (HostFile file = files.create(fresh)) {
      file.write(0, secret, 0, KEY_BYTES);
      file.sync();
    }
    files.rename(fresh, path);
    files.syncDirectory(directory);
    return new KeyWrap(secret);
  }

  /** Returns {@link #WRAPPED_BYTES} bytes that only this key opens. */
  public byte[] wrap(DataKey dataKey) {
    try {
      Cipher cipher = Cipher.getInstance("AES/KWP/NoPadding");
      cipher.init(Cipher.WRAP_MODE, key);
      return cipher.wrap(new SecretKeySpec(dataKey.secret(), "AES"));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES key wrap is missing in this JDK", e);
    }
  }

  /**
   * Opens a wrapped key.
   *
   * @param owner named in the error of a key that doesn't open
   */
  public DataKey unwrap(DataKey.Id id, byte[] wrapped, String owner) throws StorageException {
    try {
      Cipher cipher = Cipher.getInstance("AES/KWP/NoPadding");
      cipher.init(Cipher.UNWRAP_MODE, key);
      byte[] secret = cipher.unwrap(wrapped, "AES", Cipher.SECRET_KEY).getEncoded();
      if (secret.length == DataKey.SECRET_BYTES) {
        return new DataKey(id, secret);
      }
      Arrays.fill(secret, (byte) 0);
    } catch (GeneralSecurityException e) {
      throw new StorageException(
          Kind.DAMAGED,
          owner + ": its data key doesn't open with this store's key file; is it another store's?",
          e);
    }
    throw new StorageException(Kind.DAMAGED, owner + ": its data key has a wrong length");
  }
}
