package io.bailey.journal;

import java.io.IOException;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** Finds the records of one segment, front to back. One thread. */
final class SegmentScan {
  private static final int WINDOW_BYTES = 1 << 20;

  /** More than most records take, so that the one behind a damaged one is found at once. */
  private static final int NEAR_BYTES = 2 << 20;

  private static final byte MAGIC_BYTE = (byte) (RecordHeader.MAGIC >> 24);

  private final Segment segment;
  private final List<KeptIndexes.Kept> kept;

  /** The first of them that isn't before {@code at}. */
  private int nextKept;

  private final long size;
  private final byte[] head = new byte[RecordHeader.BYTES];
  private long at = SegmentHeader.BYTES;
  private long before;

  SegmentScan(Segment segment) throws IOException {
    this(segment, List.of());
  }

  /**
   * @param kept records that needn't be read, because the process that wrote them was killed
   */
  SegmentScan(Segment segment, List<KeptIndexes.Kept> kept) throws IOException {
    this.segment = segment;
    this.kept = kept;
    this.size = segment.file().size();
  }

  /** Where the records that were accepted end. */
  long at() {
    return at;
  }

  /** Where the last accepted record begins. */
  long before() {
    return before;
  }

  /** Looks again from where a record may begin, behind the one that begins at {@code before}. */
  void goBack(long at, long before) {
    this.at = at;
    this.before = before;
  }

  /** Whether a record follows the last accepted one without a gap. */
  boolean follows(RecordHeader header) {
    return header.links().before() == before;
  }

  /**
   * Whether the record before this one is the only one between it and the last accepted one, so
   * that this one says whose it is.
   */
  boolean oneMissingBefore(RecordHeader header) {
    long missing = header.links().before();
    return missing == at || missing == Journal.nextPage(at);
  }

  /** The header that follows the last accepted record; null if none does. */
  @Nullable RecordHeader next() throws IOException {
    while (nextKept < kept.size() && kept.get(nextKept).offset() < at) {
      nextKept++;
    }
    if (nextKept < kept.size()) {
      KeptIndexes.Kept known = kept.get(nextKept);
      boolean here = known.offset() == at || known.offset() == Journal.nextPage(at);
      // One that wasn't kept may lie before it, and end in the same page.
      if (here && follows(known.header())) {
        return known.header();
      }
    }
    RecordHeader header = headerAt(at);
    return header != null ? header : headerAt(Journal.nextPage(at));
  }

  /** The index in the clear of the record that {@link #next} gave, if it was kept. */
  @SuppressWarnings("ReferenceEquality") // It is that one, or was read from the segment.
  byte @Nullable [] index(RecordHeader header) {
    KeptIndexes.Kept known = nextKept < kept.size() ? kept.get(nextKept) : null;
    return known != null && known.header() == header ? known.index() : null;
  }

  /** The bytes of the header that was last read. */
  byte[] head() {
    return head;
  }

  /**
   * The first header behind a place where none is; null if none comes. Far behind it only the
   * beginnings of pages are looked at, where the first record after each sync lies: a start scans
   * tens of MiB here, with code that isn't compiled yet. Only where there is one, and so damage and
   * no end, all that lies before it is. Also behind what was kept: there may have been no room for
   * more.
   */
  @Nullable RecordHeader nextAnywhere() throws IOException {
    byte[] window = new byte[WINDOW_BYTES];
    long nearEnd = Math.min(size, at + NEAR_BYTES);
    RecordHeader near = firstHeader(window, at, nearEnd, Journal.RECORD_ALIGNMENT);
    if (near != null) {
      return near;
    }
    RecordHeader far = firstHeader(window, Journal.nextPage(nearEnd), size, Journal.PAGE_BYTES);
    if (far == null) {
      return null;
    }
    long offset = far.links().offset();
    RecordHeader between = firstHeader(window, nearEnd, offset, Journal.RECORD_ALIGNMENT);
    return between != null ? between : headerAt(offset);
  }

  /** The first header that begins in a range, at a multiple of a step from its begin. */
  private @Nullable RecordHeader firstHeader(byte[] window, long begin, long end, int step)
      throws IOException {
    for (long from = begin; from < end; from += WINDOW_BYTES) {
      int length = (int) Math.min(WINDOW_BYTES, end - from);
      segment.read(from, window, 0, length);
      for (int i = 0; i + Integer.BYTES <= length; i += step) {
        // The byte first: it is read without a call.
        if (window[i] == MAGIC_BYTE && RecordHeader.intAt(window, i) == RecordHeader.MAGIC) {
          RecordHeader header = headerAt(from + i);
          if (header != null) {
            return header;
          }
        }
      }
    }
    return null;
  }

  private @Nullable RecordHeader headerAt(long offset) throws IOException {
    if (offset + RecordHeader.BYTES > size) {
      return null;
    }
    segment.read(offset, head, 0, head.length);
    RecordHeader header = RecordHeader.parse(head, segment.number(), offset);
    return header != null && header.length() <= size - offset ? header : null;
  }

  /** Whether no record is where the one after this would be. */
  boolean isLast(RecordHeader header) throws IOException {
    long end = end(header);
    boolean last = headerAt(end) == null && headerAt(Journal.nextPage(end)) == null;
    segment.read(header.links().offset(), head, 0, head.length);
    return last;
  }

  /** Goes on after a record. */
  void accept(RecordHeader header) {
    before = header.links().offset();
    at = end(header);
  }

  static long end(RecordHeader header) {
    return Journal.align(header.links().offset() + header.length());
  }

  /** Whether every byte of a record is the one that was appended. */
  boolean isWhole(RecordHeader header) throws IOException {
    long offset = header.links().offset();
    segment.read(offset, head, 0, head.length);
    int expected = RecordHeader.restChecksum(head);
    CRC32C crc = new CRC32C();
    byte[] window = new byte[Math.min(WINDOW_BYTES, header.length())];
    for (int done = RecordHeader.BYTES; done < header.length(); ) {
      int length = Math.min(window.length, header.length() - done);
      segment.read(offset + done, window, 0, length);
      crc.update(window, 0, length);
      done += length;
    }
    return (int) crc.getValue() == expected;
  }
}
