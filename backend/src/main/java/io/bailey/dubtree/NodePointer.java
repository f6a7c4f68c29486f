package io.bailey.dubtree;

import io.bailey.crypto.Aead;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;

/**
 * Where a sealed node lies in its tree's file, and what proves that it is the one that was written.
 *
 * @param offset bytes from the file's start
 * @param size sealed bytes
 * @param plainSize bytes once decompressed; equal to {@code size} where it is stored as it is
 * @param counter the nonce, in the tree's epoch
 * @param tag the GCM tag
 */
public record NodePointer(long offset, int size, int plainSize, long counter, byte[] tag) {
  static final int MAX_BYTES = 64 << 20;

  void writeTo(Encoder out) {
    out.putVar(offset).putVar(size).putVar(plainSize).putVar(counter).putBytes(tag);
  }

  static NodePointer readFrom(Decoder in) throws StorageException {
    return new NodePointer(
        in.getCount(),
        in.getVarInt(1, MAX_BYTES),
        in.getVarInt(1, MAX_BYTES),
        in.getVar(),
        in.getBytes(Aead.TAG_BYTES));
  }
}
