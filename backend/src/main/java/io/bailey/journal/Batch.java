package io.bailey.journal;

import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.Decoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.Arrays;

/** A record of the journal as recovery finds it, its checksum proved and nothing opened yet. */
public final class Batch {
  private final String where;
  private final byte[] record;

  Batch(String where, byte[] record) {
    this.where = where;
    this.record = record;
  }

  public long volume() {
    return BatchWriter.longAt(record, 20);
  }

  /** The sequence of the volume's last write in the batch. */
  public long lastSequence() {
    return BatchWriter.longAt(record, 28);
  }

  /**
   * Hears of a batch's entries, in the order of the writes.
   *
   * <p>Writes that were overwritten before they were journaled are missing from a batch, so the
   * sequences of those that it has aren't known exactly. The {@code sequence} of an entry is the
   * highest that it can have had: it grows from entry to entry and is never above the batch's last.
   */
  public interface Visitor {
    /** The 4096 bytes of a block; the array is used again. */
    void value(long sequence, long block, byte[] bytes) throws IOException;

    void zeros(long sequence, long block, long blocks) throws IOException;
  }

  /** Opens every entry; kind {@code DAMAGED} if one isn't what was written. */
  public void open(KeyRing keys, Visitor visitor) throws IOException {
    DataKey.Id keyId = new DataKey.Id(Arrays.copyOfRange(record, 36, 52));
    Epoch epoch = Epoch.of(keys.get(keyId), Arrays.copyOfRange(record, 52, 84));
    int indexBytes = BatchWriter.intAt(record, 92);
    int valuesAt = BatchWriter.INDEX_AT + indexBytes + Aead.TAG_BYTES;
    if (indexBytes < 1 || valuesAt > record.length || valuesAt < 0) {
      throw damaged("has an index of " + indexBytes + " bytes");
    }
    byte[] outside = Arrays.copyOfRange(record, BatchWriter.OUTSIDE_AT, BatchWriter.INDEX_AT);
    byte[] plain = new byte[indexBytes];
    Codec codec = Codec.borrow();
    try {
      long counter = BatchWriter.longAt(record, 84);
      if (!codec
          .aead()
          .openWith(epoch, counter, outside, record, BatchWriter.INDEX_AT, indexBytes, plain, 0)) {
        throw damaged("doesn't authenticate");
      }
      openEntries(codec, epoch, new Decoder(where, plain), valuesAt, visitor);
    } finally {
      codec.giveBack();
    }
  }

  private void openEntries(Codec codec, Epoch epoch, Decoder index, int valuesAt, Visitor visitor)
      throws IOException {
    byte[] padded = Arrays.copyOf(record, record.length + Aead.TAG_BYTES);
    byte[] block = new byte[Codec.BLOCK_BYTES];
    int at = valuesAt;
    for (long after = index.getVar() - 1; after >= 0; after--) {
      long sequence = lastSequence() - after;
      long number = index.getVar();
      int size = index.getVarInt(0, Codec.BLOCK_BYTES);
      if (size == 0) {
        visitor.zeros(sequence, number, index.getVar());
        continue;
      }
      long counter = index.getVar();
      byte[] tag = index.getBytes(Aead.TAG_BYTES);
      if (size > record.length - at
          || !codec.openBlock(epoch, counter, padded, at, size, tag, 0, block)) {
        throw damaged("has a damaged value of block " + number);
      }
      at += size;
      visitor.value(sequence, number, block);
    }
  }

  private StorageException damaged(String how) {
    return new StorageException(Kind.DAMAGED, where + " " + how);
  }
}
