package io.bailey.journal;

import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.io.Encoder;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** Compresses and seals one volume's writes into a record. One thread. */
public final class BatchWriter {
  static final int MAGIC = 0x424C594A;
  static final int INDEX_AT = 96;
  static final int OUTSIDE_AT = 12;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final long volume;
  private final Epoch epoch;
  private final Encoder index = new Encoder(1 << 12);
  private final Encoder values = new Encoder(1 << 16);
  private int entries;

  /** Begins a batch of one volume. */
  public BatchWriter(long volume, Epoch epoch) {
    this.volume = volume;
    this.epoch = epoch;
  }

  public boolean isEmpty() {
    return entries == 0;
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

  /**
   * Ends the batch.
   *
   * @param lastSequence of the volume's writes that it has
   */
  Encoder finish(long segment, long lastSequence) {
    Encoder plain = new Encoder(index.size() + 10);
    plain.putVar(entries).putBytes(index.array(), 0, index.size());
    long counter = epoch.nextCounter();
    Encoder record = new Encoder(INDEX_AT + plain.size() + Aead.TAG_BYTES + values.size());
    record.putInt(MAGIC).putInt(0).putInt(0).putLong(segment).putLong(volume).putLong(lastSequence);
    record.putBytes(epoch.keyId().bytes()).putBytes(epoch.salt());
    record.putLong(counter).putInt(plain.size());
    byte[] outside = new byte[INDEX_AT - OUTSIDE_AT];
    System.arraycopy(record.array(), OUTSIDE_AT, outside, 0, outside.length);
    int at = record.skip(plain.size() + Aead.TAG_BYTES);
    Codec codec = Codec.borrow();
    try {
      codec
          .aead()
          .sealWith(epoch, counter, outside, plain.array(), 0, plain.size(), record.array(), at);
    } finally {
      codec.giveBack();
    }
    record.putBytes(values.array(), 0, values.size());
    INT.set(record.array(), 4, record.size());
    INT.set(record.array(), 8, checksum(record.array(), record.size()));
    return record;
  }

  static int checksum(byte[] record, int length) {
    CRC32C crc = new CRC32C();
    crc.update(record, OUTSIDE_AT, length - OUTSIDE_AT);
    return (int) crc.getValue();
  }

  static long longAt(byte[] record, int at) {
    return (long) LONG.get(record, at);
  }

  static int intAt(byte[] record, int at) {
    return (int) INT.get(record, at);
  }
}
