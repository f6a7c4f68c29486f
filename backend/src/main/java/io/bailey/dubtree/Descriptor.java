package io.bailey.dubtree;

import io.bailey.chunk.ChunkId;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.util.ArrayList;
import java.util.List;

/**
 * The last node of a tree file: what the run is made of.
 *
 * <pre>
 * u8  3
 * var blocks of the disk
 * var values   var stored bytes of them   var blocks of zeros
 * var height of the tree, leaves being 1; 0: no entries, and no pointer
 *     {@link NodePointer} to the top node
 * u8  1: {@link NodePointer} to the {@link PresenceSet}; 0: there is none, as it would be too large
 * var epochs   per epoch: 16 data key's id, 32 salt
 * var chunks   per chunk: 32 name, var bytes, var bytes of values in use
 * </pre>
 *
 * @param diskBlocks no entry lies beyond
 * @param valueBytes stored bytes of the values, without what is garbage in their chunks
 */
record Descriptor(
    long diskBlocks,
    long values,
    long valueBytes,
    long zeroBlocks,
    int height,
    List<NodePointer> top,
    List<NodePointer> presence,
    List<EpochRef> epochs,
    List<ChunkRef> chunks) {
  static final int TYPE = 3;
  static final int MAX_EPOCHS = Short.MAX_VALUE;
  static final int MAX_HEIGHT = 16;
  static final int MAX_CHUNKS = 1 << 20;

  /** The name and salt of an epoch that values were sealed in. */
  record EpochRef(DataKey.Id keyId, byte[] salt) {}

  /**
   * A chunk of values.
   *
   * @param liveBytes of values that this run refers to
   */
  record ChunkRef(ChunkId id, long bytes, long liveBytes) {}

  void encodeTo(Encoder out) {
    out.putByte(TYPE).putVar(diskBlocks).putVar(values).putVar(valueBytes).putVar(zeroBlocks);
    out.putVar(height);
    top.forEach(pointer -> pointer.writeTo(out));
    out.putByte(presence.size());
    presence.forEach(pointer -> pointer.writeTo(out));
    out.putVar(epochs.size());
    for (EpochRef epoch : epochs) {
      out.putBytes(epoch.keyId.bytes()).putBytes(epoch.salt);
    }
    out.putVar(chunks.size());
    for (ChunkRef chunk : chunks) {
      chunk.id.writeTo(out);
      out.putVar(chunk.bytes).putVar(chunk.liveBytes);
    }
  }

  static Descriptor decode(Decoder in) throws StorageException {
    if (in.getByte() != TYPE) {
      throw in.damaged("is no descriptor");
    }
    long diskBlocks = in.getVar();
    if (diskBlocks < 0 || diskBlocks > Dubtree.MAX_BLOCKS) {
      throw in.damaged("describes a disk of " + diskBlocks + " blocks");
    }
    long values = in.getCount();
    long valueBytes = in.getCount();
    long zeroBlocks = in.getCount();
    int height = in.getVarInt(0, MAX_HEIGHT);
    List<NodePointer> top = height == 0 ? List.of() : List.of(NodePointer.readFrom(in));
    List<NodePointer> presence = in.getByte() == 0 ? List.of() : List.of(NodePointer.readFrom(in));
    int epochCount = in.getVarInt(0, MAX_EPOCHS);
    List<EpochRef> epochs = new ArrayList<>();
    for (int i = 0; i < epochCount; i++) {
      epochs.add(
          new EpochRef(
              new DataKey.Id(in.getBytes(DataKey.ID_BYTES)), in.getBytes(Epoch.SALT_BYTES)));
    }
    int chunkCount = in.getVarInt(0, MAX_CHUNKS);
    List<ChunkRef> chunks = new ArrayList<>();
    for (int i = 0; i < chunkCount; i++) {
      ChunkId id = ChunkId.readFrom(in);
      long bytes = in.getCount();
      chunks.add(new ChunkRef(id, bytes, in.getVar(0, bytes)));
    }
    return new Descriptor(
        diskBlocks, values, valueBytes, zeroBlocks, height, top, presence, epochs, chunks);
  }
}
