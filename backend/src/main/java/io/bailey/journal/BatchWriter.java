package io.bailey.journal;

import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.Pool;
import java.io.IOException;

/** Compresses and seals one volume's writes into a record. One thread. */
public final class BatchWriter {
  /** Records have up to some 5 MiB; arrays of that size cost the garbage collector much. */
  private static final int MAX_POOLED_BYTES = 6 << 20;

  private static final Pool<Encoder> POOL = new Pool<>(4);

  private final long volume;
  private final Epoch epoch;
  private final long afterSequence;
  private final long lastSequence;
  private final Encoder index = new Encoder(1 << 10);
  private final Encoder values = takeBuffer();
  private int entries;
  private Encoder plain = index;
  private long valuesPlace;
  private int valuesBytes;

  /**
   * Begins a batch of one volume.
   *
   * @param afterSequence the last sequence of the volume's batch before this one
   * @param lastSequence of the volume's writes that this one has
   */
  public BatchWriter(long volume, Epoch epoch, long afterSequence, long lastSequence) {
    this.volume = volume;
    this.epoch = epoch;
    this.afterSequence = afterSequence;
    this.lastSequence = lastSequence;
  }

  private static Encoder takeBuffer() {
    Encoder buffer = POOL.poll();
    if (buffer == null) {
      return new Encoder(1 << 16);
    }
    buffer.clear();
    return buffer;
  }

  private static void giveBuffer(Encoder buffer) {
    if (buffer.array().length <= MAX_POOLED_BYTES) {
      POOL.give(buffer);
    }
  }

  long volume() {
    return volume;
  }

  public Epoch epoch() {
    return epoch;
  }

  public long lastSequence() {
    return lastSequence;
  }

  public void addZeros(long block, long blocks) {
    entries++;
    index.putVar(block).putVar(0).putVar(blocks);
  }

  /** Adds the 4096 bytes of a block. */
  public void addValue(long block, byte[] bytes, int offset) {
    Codec codec = Codec.borrow();
    try {
      long counter = epoch.nextCounter();
      int size = codec.sealBlock(epoch, counter, bytes, offset);
      byte[] sealed = codec.sealed(size);
      entries++;
      index.putVar(block).putVar(size).putVar(counter).putBytes(sealed, size, Aead.TAG_BYTES);
      values.putBytes(sealed, 0, size);
    } finally {
      codec.giveBack();
    }
  }

  /** Ends the batch for one place in the log, once. What it returns goes to {@link #written}. */
  Encoder finish(RecordHeader.Links links) {
    plain = new Encoder(index.size() + 10);
    plain.putVar(entries).putBytes(index.array(), 0, index.size());
    long counter = epoch.nextCounter();
    int head = RecordHeader.BYTES + plain.size() + Aead.TAG_BYTES;
    Encoder record = takeBuffer();
    RecordHeader header =
        new RecordHeader(
            head + values.size(),
            links,
            volume,
            afterSequence,
            lastSequence,
            epoch.keyId(),
            epoch.salt(),
            counter,
            plain.size());
    header.writeTo(record);
    int at = record.skip(plain.size() + Aead.TAG_BYTES);
    Codec codec = Codec.borrow();
    try {
      codec
          .aead()
          .sealWith(
              epoch, counter, header.outside(), plain.array(), 0, plain.size(), record.array(), at);
    } finally {
      codec.giveBack();
    }
    record.putBytes(values.array(), 0, values.size());
    RecordHeader.putChecksums(record.array(), record.size());
    valuesPlace = Journal.place(links.segment(), links.offset() + head);
    valuesBytes = values.size();
    giveBuffer(values);
    return record;
  }

  /** Takes back what {@link #finish} returned. */
  static void written(Encoder record) {
    giveBuffer(record);
  }

  /** The index in the clear, once the batch is finished. */
  Encoder plain() {
    return plain;
  }

  /** Tells where in the log the entries lie, once they are appended. */
  public void visit(Batch.Visitor visitor) throws IOException {
    Batch.decode(
        new Decoder("a batch", plain.array(), 0, plain.size()), valuesPlace, valuesBytes, visitor);
  }
}
