package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.io.Decoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;

/** Reads the sealed nodes of one tree file: fetch, authenticate, decompress. Thread-safe. */
final class NodeFile {
  private final Chunk file;
  private final Epoch epoch;

  NodeFile(Chunk file, Epoch epoch) {
    this.file = file;
    this.epoch = epoch;
  }

  Chunk file() {
    return file;
  }

  /** Reads one node; kind {@code DAMAGED}, with file and offset, if it isn't what was written. */
  Decoder read(NodePointer pointer) throws IOException {
    Codec codec = Codec.borrow();
    try {
      byte[] sealed = codec.sealed(pointer.size() + 16);
      file.read(pointer.offset(), sealed, 0, pointer.size());
      return open(codec, pointer, sealed, 0);
    } finally {
      codec.giveBack();
    }
  }

  /**
   * Opens a node whose sealed bytes are in memory.
   *
   * @param sealed has 16 bytes of room after the node
   */
  Decoder open(Codec codec, NodePointer pointer, byte[] sealed, int at) throws IOException {
    int size = pointer.size();
    byte[] packed = size == pointer.plainSize() ? new byte[size] : codec.packed(size);
    if (!codec
        .aead()
        .open(epoch, pointer.counter(), sealed, at, size, pointer.tag(), 0, packed, 0)) {
      throw damaged(pointer, "doesn't authenticate");
    }
    String what = "node at offset " + pointer.offset() + " of " + file;
    if (size == pointer.plainSize()) {
      return new Decoder(what, packed, 0, size);
    }
    byte[] plain = new byte[pointer.plainSize()];
    if (!Codec.decompress(packed, 0, size, plain, 0, plain.length)) {
      throw damaged(pointer, "doesn't decompress");
    }
    return new Decoder(what, plain);
  }

  private StorageException damaged(NodePointer pointer, String how) {
    return new StorageException(
        Kind.DAMAGED, "node at offset " + pointer.offset() + " of " + file + " " + how);
  }
}
