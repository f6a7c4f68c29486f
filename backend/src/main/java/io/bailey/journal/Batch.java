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
import org.jspecify.annotations.Nullable;

/** A record of the journal as recovery finds it: whole, and nothing opened yet. */
public final class Batch {
  private static final long MAX_BLOCKS = Long.MAX_VALUE / Codec.BLOCK_BYTES;

  private final Segment segment;
  private final RecordHeader header;
  private byte @Nullable [] index;

  /**
   * A record that was found.
   *
   * @param index in the clear, if it is known
   */
  Batch(Segment segment, RecordHeader header, byte @Nullable [] index) {
    this.segment = segment;
    this.header = header;
    this.index = index;
  }

  /** The index in the clear, once it was opened. */
  byte @Nullable [] index() {
    return index;
  }

  public long volume() {
    return header.volume();
  }

  /** The last sequence of the volume's batch before this one. */
  public long afterSequence() {
    return header.afterSequence();
  }

  /** The sequence of the volume's last write in the batch. */
  public long lastSequence() {
    return header.lastSequence();
  }

  /** Bytes in the log. */
  public int bytes() {
    return header.length();
  }

  public DataKey.Id keyId() {
    return header.keyId();
  }

  /** Of the epoch that it is sealed in. */
  public byte[] salt() {
    return header.salt();
  }

  /** The file and the offset at which it lies. */
  public String where() {
    return "record at offset " + header.links().offset() + " of " + segment.path();
  }

  @Override
  public String toString() {
    return where();
  }

  /** Hears of a batch's entries, none overlapping. */
  public interface Visitor {
    /**
     * A block's sealed value.
     *
     * @param place where in the log it lies, see {@link Journal#place}
     * @param size sealed bytes, 4096 if it isn't compressed
     * @param tags has 16 bytes of tag at {@code tag}
     */
    void value(long block, long place, int size, long counter, byte[] tags, int tag)
        throws IOException;

    void zeros(long block, long blocks) throws IOException;
  }

  /** The epoch it is sealed in; kind {@code DAMAGED} if its key isn't known. */
  public Epoch epoch(KeyRing keys) throws StorageException {
    return Epoch.of(keys.get(keyId()), salt());
  }

  /** Opens the index; kind {@code DAMAGED} if it isn't what was written. Values stay unread. */
  public void open(Epoch epoch, Visitor visitor) throws IOException {
    byte[] plain = index;
    if (plain == null) {
      plain = openIndex(epoch);
      index = plain;
    }
    int head = RecordHeader.BYTES + plain.length + Aead.TAG_BYTES;
    decode(
        new Decoder(this, plain),
        Journal.place(segment.number(), header.links().offset() + head),
        header.length() - head,
        visitor);
  }

  private byte[] openIndex(Epoch epoch) throws IOException {
    int length = header.indexBytes();
    byte[] sealed = new byte[length + Aead.TAG_BYTES];
    segment.read(header.links().offset() + RecordHeader.BYTES, sealed, 0, sealed.length);
    byte[] plain = new byte[length];
    Codec codec = Codec.borrow();
    try {
      if (!codec
          .aead()
          .openWith(epoch, header.counter(), header.outside(), sealed, 0, length, plain, 0)) {
        throw new StorageException(Kind.DAMAGED, where() + " doesn't authenticate");
      }
    } finally {
      codec.giveBack();
    }
    return plain;
  }

  /** Reads an index in the clear, whose values begin at a place and take so many bytes. */
  static void decode(Decoder index, long place, int valueBytes, Visitor visitor)
      throws IOException {
    byte[] tag = new byte[Aead.TAG_BYTES];
    int at = 0;
    for (long left = index.getVar(); left > 0; left--) {
      long block = index.getVar(0, MAX_BLOCKS - 1);
      int size = index.getVarInt(0, Codec.BLOCK_BYTES);
      if (size == 0) {
        visitor.zeros(block, index.getVar(1, MAX_BLOCKS - block));
        continue;
      }
      long counter = index.getVar();
      index.getBytes(tag, 0, tag.length);
      if (size > valueBytes - at) {
        throw index.damaged("lacks the value of block " + block);
      }
      visitor.value(block, place + at, size, counter, tag, 0);
      at += size;
    }
  }
}
