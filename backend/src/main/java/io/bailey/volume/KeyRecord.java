package io.bailey.volume;

import io.bailey.crypto.KeyWrap;
import io.bailey.crypto.PassphraseKey;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * How a store is opened: the kind of its outer key, and the key-encryption key that this one wraps.
 *
 * <pre>
 *  0  BAILEY K version(1)
 *  8  u32 CRC-32C of all that follows
 * 12  u8 kind: 1 a key file in the store, 2 a key file elsewhere, 3 a passphrase
 *     u32 serial, one more at each change of the outer key
 *     var length, name of the key file in the store; empty but for kind 1
 *     28 parameters and salt: {@link PassphraseKey}; zeros but for kind 3
 *     u8 keys: 1, or 2 while roots are being rewritten under a new one
 *     40 a key, wrapped (RFC 5649): the one in use, the retiring one
 *     32 HMAC-SHA256 of all from byte 12, under a key derived from the outer key
 * </pre>
 *
 * The checksum tells damage from a wrong key.
 */
record KeyRecord(
    OuterKey.Kind kind,
    int serial,
    String keyFile,
    Optional<PassphraseKey> passphrase,
    List<byte[]> wrappedKeys) {
  static final int MAX_BYTES = 512;

  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'K', 1};
  private static final int BODY_AT = 12;
  private static final String MAC_PURPOSE = "bailey key record";
  private static final int NAME_BYTES = 32;
  private static final int PASSPHRASE_BYTES = 12 + PassphraseKey.SALT_BYTES;

  byte[] encode(KeyWrap outer) {
    Encoder out = new Encoder(MAX_BYTES);
    out.putBytes(MAGIC).putInt(0).putByte(kind.code).putInt(serial).putString(keyFile);
    passphrase.ifPresentOrElse(
        how -> how.writeTo(out), () -> out.putBytes(new byte[PASSPHRASE_BYTES]));
    out.putByte(wrappedKeys.size());
    wrappedKeys.forEach(out::putBytes);
    out.putBytes(outer.mac(MAC_PURPOSE, out.array(), BODY_AT, out.size() - BODY_AT));
    byte[] bytes = out.toBytes();
    byte[] checksum = new Encoder(4).putInt(checksum(bytes)).toBytes();
    System.arraycopy(checksum, 0, bytes, MAGIC.length, checksum.length);
    return bytes;
  }

  /** Parses a record; whether it is authentic, {@link #isAuthentic} says once the key is had. */
  static KeyRecord decode(String what, byte[] bytes) throws StorageException {
    Decoder in = new Decoder(what, bytes);
    byte[] magic = in.getBytes(MAGIC.length);
    int last = MAGIC.length - 1;
    if (!Arrays.equals(magic, 0, last, MAGIC, 0, last)) {
      throw in.damaged("doesn't begin with BAILEYK");
    }
    if (magic[last] > MAGIC[last]) {
      throw new StorageException(
          Kind.TOO_NEW, what + " was written by a newer version: update this program");
    }
    if (magic[last] != MAGIC[last] || bytes.length < BODY_AT || in.getInt() != checksum(bytes)) {
      throw in.damaged("doesn't have its checksum: restore it from a backup");
    }
    int code = in.getByte();
    OuterKey.Kind kind =
        Arrays.stream(OuterKey.Kind.values())
            .filter(one -> one.code == code)
            .findFirst()
            .orElseThrow(() -> in.damaged("has a kind of key that never was, " + code));
    int serial = in.getInt();
    String keyFile = in.getString(NAME_BYTES);
    if (kind == OuterKey.Kind.IN_STORE && !keyFile.matches("key(-[0-9]+)?")) {
      throw in.damaged("names a key file that can't be one");
    }
    Optional<PassphraseKey> passphrase = Optional.empty();
    if (kind == OuterKey.Kind.PASSPHRASE) {
      passphrase = Optional.of(PassphraseKey.readFrom(in));
    } else {
      in.getBytes(PASSPHRASE_BYTES);
    }
    List<byte[]> wrapped = new ArrayList<>();
    for (int i = in.getVarInt(1, 2); i > 0; i--) {
      wrapped.add(in.getBytes(KeyWrap.WRAPPED_BYTES));
    }
    if (in.remaining() != KeyWrap.MAC_BYTES) {
      throw in.damaged("has a wrong length");
    }
    return new KeyRecord(kind, serial, keyFile, passphrase, wrapped);
  }

  /** Whether bytes that {@link #decode} took were written under this outer key. */
  static boolean isAuthentic(byte[] bytes, KeyWrap outer) {
    return outer.isMacAfter(
        MAC_PURPOSE, bytes, BODY_AT, bytes.length - BODY_AT - KeyWrap.MAC_BYTES);
  }

  private static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, BODY_AT, bytes.length - BODY_AT);
    return (int) crc.getValue();
  }
}
