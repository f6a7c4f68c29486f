package io.bailey.journal;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads the log that an earlier process left. One thread.
 *
 * <p>Records say up to where the log had been synced when they were appended. What lies before the
 * last such place was whole on the disk once, so a record that isn't there now is damage, and those
 * after it still count. What lies behind it a power cut may have torn: the log ends at the first
 * record that isn't whole, whatever follows.
 */
final class LogReader {
  private final List<Segment> log = new ArrayList<>();
  private final List<Optional<SegmentHeader>> headers = new ArrayList<>();
  private final List<Segment> dropped = new ArrayList<>();
  private final @Nullable KeptIndexes kept;
  private final Journal.Recovery recovery;
  private @Nullable Segment readLast;
  private List<KeptIndexes.Kept> records = List.of();
  private long syncedSegment = SegmentHeader.NONE;
  private long syncedOffset;
  private long lastHeaderSegment = SegmentHeader.NONE;
  private long lastHeaderOffset;

  /** How a segment ended. */
  private record End(long offset, boolean torn) {}

  /**
   * Where the log ends.
   *
   * @param segment the last one with a record; null if none has one
   * @param synced up to where that one is known to have been synced
   * @param remnants whether something like a record may lie behind the end
   * @param dropped segments that are no part of the log
   */
  record LogEnd(
      @Nullable Segment segment,
      long offset,
      long synced,
      boolean remnants,
      List<Segment> dropped) {}

  LogReader(
      NavigableMap<Long, Segment> present, @Nullable KeptIndexes kept, Journal.Recovery recovery)
      throws IOException {
    this.kept = kept;
    this.recovery = recovery;
    long follows = Long.MAX_VALUE;
    for (Segment segment : present.descendingMap().values()) {
      Optional<SegmentHeader> header = SegmentHeader.read(segment);
      if (segment.number() > follows) {
        // A recovery found the log to end before this segment.
        dropped.add(segment);
        continue;
      }
      follows = header.map(SegmentHeader::before).orElse(Long.MAX_VALUE);
      log.addFirst(segment);
      headers.addFirst(header);
    }
  }

  LogEnd read() throws IOException {
    findSynced();
    @Nullable Segment last = null;
    long end = 0;
    boolean torn = false;
    for (int i = 0; i < log.size(); i++) {
      Segment segment = log.get(i);
      if (headers.get(i).filter(SegmentHeader::emptied).isPresent()) {
        segment.emptied = true;
        continue;
      }
      Optional<SegmentHeader> next = i + 1 < log.size() ? headers.get(i + 1) : Optional.empty();
      // Another one where segments in between were let go, and a power cut undid it for this one.
      next = next.filter(header -> header.before() == segment.number());
      End found = readSegment(segment, next.map(SegmentHeader::beforeEnd));
      if (found.offset > SegmentHeader.BYTES) {
        last = segment;
        end = found.offset;
      } else {
        dropped.add(segment);
      }
      torn = found.torn;
      if (torn) {
        dropped.addAll(log.subList(i + 1, log.size()));
        break;
      }
    }
    boolean all = last != null && last.number() < syncedSegment;
    boolean part = last != null && last.number() == syncedSegment;
    long synced = all ? end : part ? Math.min(syncedOffset, end) : 0;
    boolean seenLast = last != null && last.number() == lastHeaderSegment;
    boolean remnants = torn && !(seenLast && lastHeaderOffset < end);
    return new LogEnd(last, end, synced, remnants, dropped);
  }

  /** Finds the last place up to which a record knew the log to be synced. */
  private void findSynced() throws IOException {
    for (Segment segment : log.reversed()) {
      SegmentScan scan = scan(segment);
      while (true) {
        RecordHeader header = scan.next();
        if (header == null) {
          header = scan.nextAnywhere();
        }
        if (header == null) {
          break;
        }
        lastHeaderSegment = segment.number();
        lastHeaderOffset = header.links().offset();
        RecordHeader.Links links = header.links();
        if (links.syncedSegment() > syncedSegment
            || (links.syncedSegment() == syncedSegment && links.syncedOffset() > syncedOffset)) {
          syncedSegment = links.syncedSegment();
          syncedOffset = links.syncedOffset();
        }
        scan.accept(header);
      }
      if (lastHeaderSegment == segment.number()) {
        return;
      }
    }
  }

  private End readSegment(Segment segment, Optional<Long> logEnd) throws IOException {
    boolean synced = segment.number() < syncedSegment;
    long limit = logEnd.orElse(Long.MAX_VALUE);
    // Up to here every record must be there.
    long required = synced ? limit : segment.number() == syncedSegment ? syncedOffset : 0;
    SegmentScan scan = scan(segment);
    while (scan.at() < limit) {
      RecordHeader header = scan.next();
      if (header == null || !scan.follows(header)) {
        if (scan.at() >= required) {
          return new End(scan.at(), true);
        }
        header = header == null ? scan.nextAnywhere() : header;
        if (header == null) {
          if (required == Long.MAX_VALUE) {
            return new End(scan.at(), false);
          }
          recovery.missing(missing(segment, scan, null));
          return new End(required, false);
        }
        recovery.missing(missing(segment, scan, header));
      }
      if (SegmentScan.end(header) > required && !scan.isWhole(header)) {
        return new End(scan.at(), true);
      }
      if (required == Long.MAX_VALUE && scan.isLast(header) && !scan.isWhole(header)) {
        // What was synced may have ended before it: the header that would say so is lost.
        return new End(scan.at(), false);
      }
      byte[] index = scan.index(header);
      Batch batch = new Batch(segment, header, index);
      if (recovery.batch(batch)) {
        segment.needs.merge(batch.volume(), batch.lastSequence(), Math::max);
      }
      segment.records++;
      segment.indexBytes += header.indexBytes();
      byte[] opened = batch.index();
      if (kept != null && index == null && opened != null) {
        kept.add(segment.number(), scan.head(), opened, opened.length);
      }
      scan.accept(header);
    }
    return new End(scan.at(), false);
  }

  private SegmentScan scan(Segment segment) throws IOException {
    if (kept == null) {
      return new SegmentScan(segment);
    }
    if (!segment.equals(readLast)) {
      readLast = segment;
      records = kept.read(segment);
    }
    return new SegmentScan(segment, records);
  }

  private static Journal.Missing missing(
      Segment segment, SegmentScan scan, @Nullable RecordHeader next) {
    String where = "the record at offset " + scan.at() + " of " + segment.path() + " is damaged";
    return next != null && scan.oneMissingBefore(next)
        ? new Journal.Missing(where, next.links().beforeVolume(), next.links().beforeSequence())
        : new Journal.Missing(where, 0, Long.MAX_VALUE);
  }
}
