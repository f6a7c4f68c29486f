package io.bailey.journal;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The first 160 bytes of a record, whose layout is on the package's page.
 *
 * @param length bytes of the whole record
 * @param afterSequence the last sequence of the volume's record before this one
 */
record RecordHeader(
    int length,
    Links links,
    long volume,
    long afterSequence,
    long lastSequence,
    DataKey.Id keyId,
    byte[] salt,
    long counter,
    int indexBytes) {
  static final int BYTES = 160;
  static final int MAGIC = 0x424C594A;

  private static final int CHECKED_AT = 8;
  private static final int OUTSIDE_AT = 16;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  /**
   * Where a record lies, and what it says of the log before it.
   *
   * @param before offset of the record before it in the segment; 0 if it is the first
   * @param beforeVolume whose that one is
   * @param beforeSequence its last sequence
   * @param syncedSegment with {@code syncedOffset}: all of the log before it had been synced
   */
  record Links(
      long segment,
      long offset,
      long before,
      long beforeVolume,
      long beforeSequence,
      long syncedSegment,
      long syncedOffset) {}

  /** Writes the header, its checksums left out. */
  void writeTo(Encoder out) {
    out.putInt(MAGIC).putInt(0).putInt(0).putInt(0);
    putOutside(out);
  }

  private void putOutside(Encoder out) {
    out.putInt(length).putInt(indexBytes);
    out.putLong(links.segment).putLong(links.offset);
    out.putLong(volume).putLong(afterSequence).putLong(lastSequence);
    out.putLong(links.before).putLong(links.beforeVolume).putLong(links.beforeSequence);
    out.putLong(links.syncedSegment).putLong(links.syncedOffset);
    out.putBytes(keyId.bytes()).putBytes(salt).putLong(counter);
  }

  /** What is authenticated with the index. */
  byte[] outside() {
    Encoder out = new Encoder(BYTES - OUTSIDE_AT);
    putOutside(out);
    return out.toBytes();
  }

  static void putChecksums(byte[] record, int length) {
    INT.set(record, 8, crc(record, BYTES, length));
    INT.set(record, 4, crc(record, CHECKED_AT, BYTES));
  }

  static int crc(byte[] bytes, int from, int to) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, to - from);
    return (int) crc.getValue();
  }

  static int intAt(byte[] bytes, int at) {
    return (int) INT.get(bytes, at);
  }

  /** The checksum that what follows a header must have. */
  static int restChecksum(byte[] header) {
    return intAt(header, 8);
  }

  /** The header that lies at a place; null if none does. */
  static @Nullable RecordHeader parse(byte[] bytes, long segment, long offset) {
    if (intAt(bytes, 0) != MAGIC || intAt(bytes, 4) != crc(bytes, CHECKED_AT, BYTES)) {
      return null;
    }
    try {
      Decoder in = new Decoder("a record", bytes, OUTSIDE_AT, BYTES - OUTSIDE_AT);
      int length = in.getInt();
      int indexBytes = in.getInt();
      long itsSegment = in.getLong();
      long itsOffset = in.getLong();
      if (itsSegment != segment
          || itsOffset != offset
          || indexBytes < 1
          || indexBytes > length - BYTES - io.bailey.crypto.Aead.TAG_BYTES) {
        return null;
      }
      long volume = in.getLong();
      long after = in.getLong();
      long last = in.getLong();
      Links links =
          new Links(
              segment,
              offset,
              in.getLong(),
              in.getLong(),
              in.getLong(),
              in.getLong(),
              in.getLong());
      DataKey.Id keyId = new DataKey.Id(in.getBytes(DataKey.ID_BYTES));
      byte[] salt = in.getBytes(Epoch.SALT_BYTES);
      return new RecordHeader(
          length, links, volume, after, last, keyId, salt, in.getLong(), indexBytes);
    } catch (StorageException e) {
      throw new IllegalStateException("a header of " + BYTES + " bytes ended early", e);
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof RecordHeader that && Arrays.equals(outside(), that.outside());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(outside());
  }
}
