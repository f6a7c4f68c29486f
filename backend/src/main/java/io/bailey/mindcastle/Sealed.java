package io.bailey.mindcastle;

import java.security.GeneralSecurityException;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/** Opens what a disk's key sealed. One thread. */
interface Sealed {
  int NONCE_BYTES = 12;
  int TAG_BYTES = 16;

  /**
   * Opens a nonce and the ciphertext behind it.
   *
   * @param in from the first byte on, with room for a tag behind {@code length}
   * @param length of both
   * @param out receives {@code length} - {@link #NONCE_BYTES} bytes
   * @return false if these are not the bytes that were sealed
   */
  boolean open(byte[] in, int length, byte[] tags, int tagAt, byte[] out);

  /** AES-256-GCM. */
  static Sealed with(SecretKey key) {
    Cipher cipher;
    try {
      cipher = Cipher.getInstance("AES/GCM/NoPadding");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES-GCM is missing in this JDK", e);
    }
    return (in, length, tags, tagAt, out) -> {
      System.arraycopy(tags, tagAt, in, length, TAG_BYTES);
      try {
        GCMParameterSpec nonce = new GCMParameterSpec(8 * TAG_BYTES, in, 0, NONCE_BYTES);
        cipher.init(Cipher.DECRYPT_MODE, key, nonce);
        cipher.doFinal(in, NONCE_BYTES, length - NONCE_BYTES + TAG_BYTES, out, 0);
        return true;
      } catch (AEADBadTagException e) {
        return false;
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("AES-GCM failed to open", e);
      }
    };
  }
}
