package io.bailey.chunk;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The name of a chunk: the SHA-256 of its file, as four big-endian words. */
public record ChunkId(long w0, long w1, long w2, long w3) {
  public static final int BYTES = 32;

  /** The JDK's SHA-256. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("SHA-256 is missing in this JDK", e);
    }
  }

  /** The id whose 32 bytes a digest gave. */
  public static ChunkId ofDigest(byte[] digest) {
    return read(new Decoder("hash", digest));
  }

  private static ChunkId read(Decoder in) {
    try {
      return readFrom(in);
    } catch (StorageException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The id whose 64 hexadecimal digits are a file's name. */
  static ChunkId parse(String name) {
    return new ChunkId(word(name, 0), word(name, 1), word(name, 2), word(name, 3));
  }

  private static long word(String name, int i) {
    return HexFormat.fromHexDigitsToLong(name, 16 * i, 16 * i + 16);
  }

  public static ChunkId readFrom(Decoder in) throws StorageException {
    return new ChunkId(in.getLong(), in.getLong(), in.getLong(), in.getLong());
  }

  public void writeTo(Encoder out) {
    out.putLong(w0).putLong(w1).putLong(w2).putLong(w3);
  }

  /** 64 lower-case hexadecimal digits: the file's name. */
  @Override
  public String toString() {
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(w0) + hex.toHexDigits(w1) + hex.toHexDigits(w2) + hex.toHexDigits(w3);
  }
}
