package io.bailey.crypto;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;

/**
 * AES-256-GCM from the JDK with a 96-bit nonce (32 zero bits, then an epoch's counter) and a
 * 128-bit tag that is kept apart from the ciphertext. One thread: it holds a {@link Cipher},
 * because making one costs four times a seal; heap arrays, because direct buffers cost twice.
 */
public final class Aead {
  public static final int TAG_BYTES = 16;

  private static final byte[] NO_DATA = new byte[0];
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final Cipher cipher;
  private final byte[] nonce = new byte[12];
  private final byte[] saved = new byte[TAG_BYTES];

  public Aead() {
    try {
      cipher = Cipher.getInstance("AES/GCM/NoPadding");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES-GCM is missing in this JDK", e);
    }
  }

  /**
   * Seals under a nonce that must come from {@link Epoch#nextCounter} and be used once.
   *
   * @param out receives {@code length} bytes and then the tag, so it needs 16 bytes more; not the
   *     same array as {@code in}
   */
  public void seal(
      Epoch epoch, long counter, byte[] in, int offset, int length, byte[] out, int outOffset) {
    sealWith(epoch, counter, NO_DATA, in, offset, length, out, outOffset);
  }

  /** Like {@link #seal} with further data that is authenticated and stays outside. */
  public void sealWith(
      Epoch epoch,
      long counter,
      byte[] outside,
      byte[] in,
      int offset,
      int length,
      byte[] out,
      int outOffset) {
    assert epoch.isFirstSeal(counter) : "counter " + counter + " seals twice";
    try {
      init(Cipher.ENCRYPT_MODE, epoch, counter, outside);
      cipher.doFinal(in, offset, length, out, outOffset);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES-GCM failed to seal", e);
    }
  }

  /**
   * Opens a ciphertext whose tag lies elsewhere.
   *
   * @param in holds {@code length} bytes of ciphertext and has at least 16 bytes of room after
   *     them; the room is used and put back
   * @param out receives {@code length} bytes; not the same array as {@code in}
   * @return false if these are not the bytes that were sealed; {@code out} is then undefined
   */
  public boolean open(
      Epoch epoch,
      long counter,
      byte[] in,
      int offset,
      int length,
      byte[] tags,
      int tagOffset,
      byte[] out,
      int outOffset) {
    int end = offset + length;
    System.arraycopy(in, end, saved, 0, TAG_BYTES);
    System.arraycopy(tags, tagOffset, in, end, TAG_BYTES);
    try {
      return openWith(epoch, counter, NO_DATA, in, offset, length, out, outOffset);
    } finally {
      System.arraycopy(saved, 0, in, end, TAG_BYTES);
    }
  }

  /** Opens what {@link #sealWith} made: {@code length} bytes and the tag right after them. */
  public boolean openWith(
      Epoch epoch,
      long counter,
      byte[] outside,
      byte[] in,
      int offset,
      int length,
      byte[] out,
      int outOffset) {
    try {
      init(Cipher.DECRYPT_MODE, epoch, counter, outside);
      cipher.doFinal(in, offset, length + TAG_BYTES, out, outOffset);
      return true;
    } catch (AEADBadTagException e) {
      return false;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES-GCM failed to open", e);
    }
  }

  private void init(int mode, Epoch epoch, long counter, byte[] outside)
      throws GeneralSecurityException {
    LONG.set(nonce, 4, counter);
    cipher.init(mode, epoch.key(), new GCMParameterSpec(8 * TAG_BYTES, nonce));
    if (outside.length > 0) {
      cipher.updateAAD(outside);
    }
  }
}
