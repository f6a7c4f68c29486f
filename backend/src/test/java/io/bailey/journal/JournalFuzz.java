package io.bailey.journal;

import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import io.bailey.fuzz.OneFile;
import io.bailey.io.Encoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Segments and records: bytes as they are; records with the magic, number, key and checksum made
 * right; and an index behind its seal.
 */
final class JournalFuzz {
  private static final DataKey KEY = DataKey.random();
  private static final Epoch EPOCH = Epoch.begin(KEY);
  private static final KeyRing KEYS = new KeyRing();
  private static final long SEGMENT_BYTES = 1 << 20;

  static {
    KEYS.add(KEY);
  }

  private JournalFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    byte[] file =
        switch (input.nextByte() % 3) {
          case 0 -> input.rest();
          case 1 -> segment(record(input));
          default -> segment(sealed(input));
        };
    // An index is read, and opened; a tail that may be torn is read and written again.
    FuzzRule.holds((4 << 20) + 16L * data.length, () -> recover(file));
  }

  private static void recover(byte[] file) throws IOException {
    OneFile files = new OneFile("000000000000.log", file);
    Path directory = Path.of("/store/journal");
    new Journal(files, directory, () -> 1, new Journal.Limits(SEGMENT_BYTES, SEGMENT_BYTES))
        .recover(
            new Journal.Recovery() {
              @Override
              public boolean batch(Batch batch) throws IOException {
                batch.open(batch.epoch(KEYS), Entries.INSTANCE);
                return true;
              }

              @Override
              public void missing(Journal.Missing missing) {}
            });
  }

  private enum Entries implements Batch.Visitor {
    INSTANCE;

    @Override
    public void value(long block, long place, int size, long counter, byte[] tags, int tag) {
      FuzzRule.check(block >= 0 && size > 0 && size <= Codec.BLOCK_BYTES, "a block");
    }

    @Override
    public void zeros(long block, long blocks) {
      FuzzRule.check(block >= 0 && blocks > 0 && block + blocks > 0, "a range of blocks");
    }
  }

  private static byte[] segment(byte[] record) {
    return new Encoder(64 + record.length)
        .putBytes(new SegmentHeader(0, SegmentHeader.NONE, 0).encode())
        .putBytes(record)
        .toBytes();
  }

  /** Any bytes with a record's frame: magic, place, lengths, key and checksums. */
  private static byte[] record(FuzzInput input) {
    byte[] bytes = input.rest();
    int length = Math.max(bytes.length, RecordHeader.BYTES + 1 + Aead.TAG_BYTES);
    byte[] record = Arrays.copyOf(bytes, length);
    put(record, 0, new Encoder(8).putInt(RecordHeader.MAGIC));
    put(record, 16, new Encoder(8).putInt(length));
    put(record, 24, new Encoder(16).putLong(0).putLong(SegmentHeader.BYTES));
    put(record, 104, new Encoder(48).putBytes(KEY.id().bytes()).putBytes(EPOCH.salt()));
    RecordHeader.putChecksums(record, length);
    return record;
  }

  /** An index of any bytes, sealed. */
  private static byte[] sealed(FuzzInput input) {
    long lastSequence = input.nextLong() >>> 1;
    int indexBytes = 1 + input.nextShort();
    byte[] index = Arrays.copyOf(input.nextBytes(indexBytes), indexBytes);
    byte[] values = input.rest();
    int length = RecordHeader.BYTES + indexBytes + Aead.TAG_BYTES + values.length;
    long counter = EPOCH.nextCounter();
    RecordHeader header =
        new RecordHeader(
            length,
            new RecordHeader.Links(0, SegmentHeader.BYTES, 0, 0, 0, SegmentHeader.NONE, 0),
            1,
            0,
            lastSequence,
            KEY.id(),
            EPOCH.salt(),
            counter,
            indexBytes);
    Encoder record = new Encoder(length);
    header.writeTo(record);
    int at = record.skip(indexBytes + Aead.TAG_BYTES);
    Codec codec = Codec.borrow();
    try {
      codec
          .aead()
          .sealWith(EPOCH, counter, header.outside(), index, 0, indexBytes, record.array(), at);
    } finally {
      codec.giveBack();
    }
    byte[] bytes = record.putBytes(values).toBytes();
    RecordHeader.putChecksums(bytes, bytes.length);
    return bytes;
  }

  private static void put(byte[] record, int at, Encoder field) {
    System.arraycopy(field.array(), 0, record, at, field.size());
  }
}
