package io.bailey.journal;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * The first bytes of a segment, whose layout is on the package's page.
 *
 * @param before number of the segment before it; {@link #NONE} if it is the log's first
 * @param beforeEnd where the log ends in that one
 * @param emptied whether its records were given up, because nobody needs them
 */
record SegmentHeader(long number, long before, long beforeEnd, boolean emptied) {
  static final int BYTES = 64;
  static final long NONE = -1;

  /** Beside the number. */
  private static final long EMPTIED = Long.MIN_VALUE;

  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'J', 2};
  private static final int CHECKED_BYTES = MAGIC.length + 3 * Long.BYTES;

  SegmentHeader(long number, long before, long beforeEnd) {
    this(number, before, beforeEnd, false);
  }

  byte[] encode() {
    Encoder out = new Encoder(BYTES);
    out.putBytes(MAGIC)
        .putLong(emptied ? number | EMPTIED : number)
        .putLong(before)
        .putLong(beforeEnd);
    out.putInt(RecordHeader.crc(out.array(), 0, CHECKED_BYTES));
    return Arrays.copyOf(out.array(), BYTES);
  }

  /**
   * Reads a segment's header; none if a power cut came before the segment's first sync.
   *
   * @throws StorageException kind {@code TOO_NEW} or {@code INVALID} if another version wrote it
   */
  static Optional<SegmentHeader> read(Segment segment) throws IOException {
    long size = segment.file().size();
    byte[] bytes = new byte[(int) Math.min(size, BYTES)];
    segment.read(0, bytes, 0, bytes.length);
    int last = MAGIC.length - 1;
    if (bytes.length < MAGIC.length || !Arrays.equals(bytes, 0, last, MAGIC, 0, last)) {
      return Optional.empty();
    }
    if (bytes[last] > MAGIC[last]) {
      throw new StorageException(
          Kind.TOO_NEW,
          "journal " + segment.path() + " was written by a newer version: use that one");
    }
    if (bytes[last] == 1) {
      throw new StorageException(
          Kind.INVALID,
          "journal "
              + segment.path()
              + " was written by an older version: open and close the store with that one");
    }
    Decoder in = new Decoder("journal " + segment.path(), bytes);
    in.getBytes(MAGIC.length);
    if (bytes.length < BYTES) {
      return Optional.empty();
    }
    long number = in.getLong();
    if ((number & ~EMPTIED) != segment.number()
        || RecordHeader.crc(bytes, 0, CHECKED_BYTES) != RecordHeader.intAt(bytes, CHECKED_BYTES)) {
      return Optional.empty();
    }
    return Optional.of(new SegmentHeader(segment.number(), in.getLong(), in.getLong(), number < 0));
  }
}
