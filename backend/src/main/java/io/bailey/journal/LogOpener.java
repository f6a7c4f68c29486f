package io.bailey.journal;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Opens the log that an earlier process left. One thread. */
final class LogOpener {
  private static final int COPY_BYTES = 1 << 20;
  private static final String UNFINISHED = ".new";

  private final HostFiles files;
  private final Path directory;
  private final LongSupplier serials;
  private final NavigableMap<Long, Segment> segments;

  /**
   * Where the log goes on.
   *
   * @param beforeNumber the last segment with a record, or {@link SegmentHeader#NONE}
   * @param beforeEnd where that ends
   * @param failure why the end of the log may not survive power loss, so that nothing may follow it
   */
  record End(
      long nextNumber, long beforeNumber, long beforeEnd, @Nullable StorageException failure) {}

  /**
   * @param segments is given those that are part of the log, by number
   */
  LogOpener(
      HostFiles files, Path directory, LongSupplier serials, NavigableMap<Long, Segment> segments) {
    this.files = files;
    this.directory = directory;
    this.serials = serials;
    this.segments = segments;
  }

  End open(@Nullable KeptIndexes kept, Journal.Recovery recovery) throws IOException {
    long nextNumber = 0;
    for (String name : files.list(directory)) {
      if (Journal.isSegment(name)) {
        long number = Journal.number(name);
        Path path = directory.resolve(name);
        segments.put(number, new Segment(number, path, files.open(path), serials.getAsLong()));
        nextNumber = Math.max(nextNumber, number + 1);
      } else if (name.endsWith(UNFINISHED) || name.endsWith(SegmentFiles.SPARE)) {
        files.delete(directory.resolve(name));
      }
    }
    // Segments that were let go must not come back beside new ones of their numbers.
    files.syncDirectory(directory);
    LogReader.LogEnd found = new LogReader(segments, kept, recovery).read();
    for (Segment segment : found.dropped()) {
      files.delete(segment.path());
      segments.remove(segment.number());
      segment.release();
    }
    Segment last = found.segment();
    if (last == null) {
      return new End(nextNumber, SegmentHeader.NONE, 0, null);
    }
    StorageException failure = null;
    if (found.synced() != found.offset() || found.remnants()) {
      try {
        syncTail(last, found);
      } catch (StorageException e) {
        failure = e;
      }
    }
    return new End(nextNumber, last.number(), found.offset(), failure);
  }

  private void syncTail(Segment segment, LogReader.LogEnd end) throws IOException {
    try {
      copy(segment, end.offset());
    } catch (StorageException e) {
      if (e.kind() != Kind.NO_SPACE || end.remnants()) {
        throw e;
      }
      segment.file().sync();
    }
  }

  /** Not in place: a power cut could tear what a sync that isn't known of has covered. */
  private void copy(Segment segment, long to) throws IOException {
    Path fresh = directory.resolve(segment.path().getFileName() + UNFINISHED);
    HostFile file = files.create(fresh);
    boolean done = false;
    try {
      byte[] bytes = new byte[(int) Math.min(COPY_BYTES, to)];
      for (long at = 0; at < to; at += bytes.length) {
        int length = (int) Math.min(bytes.length, to - at);
        segment.read(at, bytes, 0, length);
        file.write(at, bytes, 0, length);
      }
      file.sync();
      files.rename(fresh, segment.path());
      file.renamed(segment.path());
      files.syncDirectory(directory);
      done = true;
    } finally {
      if (!done) {
        file.close();
        files.delete(fresh);
      }
    }
    Segment copied = new Segment(segment.number(), segment.path(), file, serials.getAsLong());
    copied.needs.putAll(segment.needs);
    copied.records = segment.records;
    copied.indexBytes = segment.indexBytes;
    segments.put(copied.number(), copied);
    segment.release();
  }
}
