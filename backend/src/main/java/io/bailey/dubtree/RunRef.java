package io.bailey.dubtree;

import io.bailey.chunk.ChunkId;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;

/**
 * What a root says of a run: enough to open it and to prove everything in it.
 *
 * <pre>
 * u8  level, below 12
 * 32  SHA-256 of the tree's file: its name
 * var bytes of the tree's file
 * 16  data key's id
 * 32  epoch's salt
 *     {@link NodePointer} to the descriptor
 * </pre>
 */
public record RunRef(
    int level,
    ChunkId tree,
    long treeBytes,
    DataKey.Id keyId,
    byte[] salt,
    NodePointer descriptor) {
  public void writeTo(Encoder out) {
    out.putByte(level);
    tree.writeTo(out);
    out.putVar(treeBytes).putBytes(keyId.bytes()).putBytes(salt);
    descriptor.writeTo(out);
  }

  public static RunRef readFrom(Decoder in) throws StorageException {
    return new RunRef(
        in.getVarInt(0, Dubtree.MAX_LEVELS - 1),
        ChunkId.readFrom(in),
        in.getVar(1, Long.MAX_VALUE),
        new DataKey.Id(in.getBytes(DataKey.ID_BYTES)),
        in.getBytes(Epoch.SALT_BYTES),
        NodePointer.readFrom(in));
  }
}
