package io.bailey.journal;

import io.bailey.io.Encoder;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.SmallFile;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The host's one log, and the newest level of every durable volume: volumes append batches, and
 * read the values back from where they lie. Whoever needs a batch to survive power loss waits for a
 * sync that covers it, and one sync serves all who wait. Thread-safe.
 *
 * <p>The first failed write or sync is final: every later append and sync repeats it, for the
 * kernel may have dropped what it couldn't write and would report the next sync a success.
 */
public final class Journal implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Journal.class.getName());

  static final int RECORD_ALIGNMENT = 8;

  static final int PAGE_BYTES = 4096;
  private static final int PLACE_OFFSET_BITS = 28;
  private static final int WRITE_OUT_BYTES = 1 << 20;

  /** What may lie in the log without a sync: a new segment waits for one of all that is left. */
  static final int MAX_UNSYNCED_BYTES = 8 << 20;

  /** Of a block in a record's index, about. */
  private static final int INDEX_ENTRY_BYTES = 32;

  /** How large the indexes of a log may be, beside those of a log that had no block twice. */
  private static final int MAX_INDEX_PER_LIVE = 4;

  private final HostFiles files;
  private final Path directory;
  private final LongSupplier serials;
  private final Limits limits;
  private final SegmentFiles segmentFiles;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition progress = lock.newCondition();

  /** By number. */
  private final ConcurrentSkipListMap<Long, Segment> segments = new ConcurrentSkipListMap<>();

  private @Nullable Segment current;
  private long end;
  private long nextNumber;

  /** The log's last record, or where recovery found the log to end. */
  private long lastOffset;

  private long lastVolume;
  private long lastSequence;
  private long beforeNumber = SegmentHeader.NONE;
  private long beforeEnd;

  /** Bytes appended and synced since the journal was opened: positions. */
  private volatile long appended;

  private long synced;

  /** The place in the log that {@code synced} is. */
  private long syncedSegment = SegmentHeader.NONE;

  private long syncedOffset;

  /** Where the current segment ended when a sync last began. */
  private long syncBegun;

  /** Whether part of a record that found no space may lie at the end of the current segment. */
  private boolean torn;

  private boolean syncing;

  /** Somebody waits for others to come before a sync. */
  private boolean gathering;

  /** Who wait for a sync. */
  private int waiting;

  private final SyncPace pace = new SyncPace();

  /** Up to where in the current segment the disk was told to begin. */
  private long writtenOut;

  private volatile boolean tooLong;

  /** The next segment's file, or that it is being made. */
  private SegmentFiles.@Nullable Made prepared;

  private boolean preparing;

  /** A sync that nobody asked for is on its way. */
  private boolean syncingAhead;

  private @Nullable KeptIndexes kept;

  /** While it is, no segment is known to be needed by nobody. */
  private boolean recovering;

  private long syncs;
  private @Nullable StorageException failure;

  /**
   * How large the log may be.
   *
   * @param logBytes beyond which the volumes that need its oldest segments are to be sorted
   * @param segmentBytes after which a new segment is begun
   */
  public record Limits(long logBytes, long segmentBytes) {
    private static final long MAX_LOG_BYTES = 4L << 30;
    private static final long MIN_LOG_BYTES = 512L << 10;
    private static final long MAX_SEGMENT_BYTES = 64L << 20;
    private static final int SEGMENTS = 16;

    /** Beyond that nobody should write until volumes are sorted. */
    long maxLogBytes() {
      return logBytes + logBytes / 4;
    }

    /**
     * A quarter of the room there is, at most 4 GiB.
     *
     * @param heldBytes what the log has already, which is room too
     */
    public static Limits of(long usableBytes, long heldBytes) {
      long log = Math.clamp(usableBytes / 4 + heldBytes / 4, MIN_LOG_BYTES, MAX_LOG_BYTES);
      return new Limits(log, Math.min(MAX_SEGMENT_BYTES, log / SEGMENTS));
    }
  }

  /**
   * Opens a journal's directory; {@link #recover} must come next.
   *
   * @param serials gives each segment its {@link Segment#serial}
   */
  public Journal(HostFiles files, Path directory, LongSupplier serials, Limits limits)
      throws IOException {
    this.files = files;
    this.directory = directory;
    this.serials = serials;
    this.limits = limits;
    this.segmentFiles = new SegmentFiles(files, directory, limits, () -> appended);
    files.createDirectories(directory);
  }

  /** A place in the log as one number. */
  static long place(long segment, long offset) {
    return segment << PLACE_OFFSET_BITS | offset;
  }

  /** The offset in its segment of a place. */
  public static long offset(long place) {
    return place & ((1L << PLACE_OFFSET_BITS) - 1);
  }

  /** The segment of a place, which the caller must know to be needed. */
  public Segment segment(long place) {
    Segment segment = segments.get(place >>> PLACE_OFFSET_BITS);
    if (segment == null) {
      throw new IllegalStateException("segment " + (place >>> PLACE_OFFSET_BITS) + " is gone");
    }
    return segment;
  }

  static long align(long offset) {
    return (offset + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT;
  }

  static long nextPage(long offset) {
    return (offset + PAGE_BYTES - 1) & -PAGE_BYTES;
  }

  /** Hears of what an earlier process left, oldest first. */
  public interface Recovery {
    /** Takes a batch; returns whether its volume still needs it. */
    boolean batch(Batch batch) throws IOException;

    /** Hears that a batch, or several, are missing at this point. */
    void missing(Missing missing);
  }

  /**
   * What is missing in the log though it was on the disk once.
   *
   * @param where says what is damaged
   * @param volume whose batch it was; 0 if that isn't known
   * @param lastSequence of the volume's writes in it
   */
  public record Missing(String where, long volume, long lastSequence) {}

  /**
   * Reads what an earlier process left. A segment with records behind the last sync that is known
   * of is copied and synced: a sync of them may have failed, and left the pages marked as clean.
   */
  public void recover(Recovery recovery) throws IOException {
    recover(recovery, null);
  }

  /**
   * {@link #recover(Recovery)}, quicker after a kill.
   *
   * @param itsKept what was kept of the log, and is from now on
   */
  public void recover(Recovery recovery, @Nullable KeptIndexes itsKept) throws IOException {
    recovering = true;
    kept = itsKept;
    LogOpener.End found = new LogOpener(files, directory, serials, segments).open(kept, recovery);
    nextNumber = found.nextNumber();
    beforeNumber = found.beforeNumber();
    beforeEnd = found.beforeEnd();
    failure = found.failure();
    lock.lock();
    try {
      recovering = false;
      if (kept != null) {
        kept.retain(segments.keySet());
      }
      dropUnneeded();
    } finally {
      lock.unlock();
    }
  }

  static boolean isSegment(String name) {
    return name.matches("[0-9]{12}\\.log");
  }

  /** The number that a segment's name says. */
  static long number(String name) {
    return Long.parseLong(name.substring(0, 12));
  }

  /** Bytes of the segments in a journal's directory; none if there is no such directory. */
  public static long heldBytes(HostFiles files, Path directory) throws IOException {
    long held = 0;
    for (String name : files.list(directory)) {
      if (isSegment(name)) {
        try (HostFile segment = files.open(directory.resolve(name))) {
          held += segment.size();
        }
      }
    }
    return held;
  }

  /**
   * A batch in the log.
   *
   * @param position where it ends, for {@link #sync}
   * @param newSegment whether it is the first of its segment
   */
  public record Appended(long position, int bytes, boolean newSegment) {}

  /** Appends a batch. Batches of one volume must come in the order of their sequences. */
  public Appended append(BatchWriter batch) throws IOException {
    lock.lock();
    try {
      Segment segment = segmentWithRoom();
      boolean first = end == SegmentHeader.BYTES;
      // A page that a sync has taken is not written again: a power cut could tear what it had.
      long at = end == syncBegun ? nextPage(end) : end;
      Encoder record =
          batch.finish(
              new RecordHeader.Links(
                  segment.number(),
                  at,
                  first ? 0 : lastOffset,
                  first ? 0 : lastVolume,
                  first ? 0 : lastSequence,
                  syncedSegment,
                  syncedOffset));
      int bytes = record.size();
      // Whole pages where something was written before, so that none has to be read first.
      long written = at + bytes;
      written = segment.writtenBefore() ? nextPage(written) : align(written);
      record.putZeros((int) (written - at - bytes));
      try {
        segment.file().write(at, record.array(), 0, record.size());
      } catch (StorageException e) {
        if (e.kind() != Kind.NO_SPACE) {
          throw fail(e);
        }
        // Nothing may follow it here, for a start would take what is left of it for a record.
        torn = !first;
        throw e;
      }
      if (kept != null) {
        Encoder index = batch.plain();
        kept.add(segment.number(), record.array(), index.array(), index.size());
      }
      BatchWriter.written(record);
      lastOffset = at;
      lastVolume = batch.volume();
      lastSequence = batch.lastSequence();
      long newEnd = align(at + bytes);
      long position = appended + newEnd - end;
      appended = position;
      end = newEnd;
      segmentFiles.noteVolume(batch.volume());
      segment.needs.put(batch.volume(), batch.lastSequence());
      segment.records++;
      segment.indexBytes += batch.plain().size();
      if (end > limits.segmentBytes / 2) {
        prepareNext();
      }
      if (appended - synced > MAX_UNSYNCED_BYTES) {
        syncAhead();
      }
      return new Appended(position, bytes, first);
    } finally {
      lock.unlock();
    }
  }

  private Segment segmentWithRoom() throws IOException {
    while (true) {
      failIfFailed();
      Segment segment = current;
      if (segment != null && end < limits.segmentBytes && !torn) {
        return segment;
      }
      if (!preparing && (segment == null || !syncing)) {
        return startSegment();
      }
      // While waiting another may append, or begin a segment.
      progress.awaitUninterruptibly();
    }
  }

  /** Begins a segment. No sync may be on its way: this one's would be taken for one of the new. */
  private Segment startSegment() throws IOException {
    Segment old = current;
    if (old != null) {
      if (synced < appended) {
        try {
          old.file().sync();
        } catch (StorageException e) {
          throw fail(e);
        }
        synced = appended;
        progress.signalAll();
      }
      current = null;
      beforeNumber = old.number();
      beforeEnd = end;
    }
    long number = nextNumber;
    Path path = path(number);
    SegmentFiles.Made made = prepared;
    prepared = null;
    if (made == null) {
      made = segmentFiles.create(path);
    }
    HostFile file = made.file();
    try {
      byte[] header = new SegmentHeader(number, beforeNumber, beforeEnd).encode();
      file.write(0, header, 0, header.length);
    } catch (IOException e) {
      file.close();
      files.delete(path);
      throw e;
    }
    nextNumber++;
    Segment fresh = new Segment(number, path, file, serials.getAsLong(), made.written());
    current = fresh;
    writtenOut = 0;
    torn = false;
    end = SegmentHeader.BYTES;
    syncBegun = 0;
    syncedSegment = number;
    syncedOffset = 0;
    segments.put(number, fresh);
    dropUnneeded();
    return fresh;
  }

  private Path path(long number) {
    return directory.resolve("%012d.log".formatted(number));
  }

  /** Makes the next segment's file while there is time, so that nobody waits for that. */
  private void prepareNext() {
    if (preparing || prepared != null) {
      return;
    }
    Path path = path(nextNumber);
    Thread thread = Thread.ofVirtual().name("bailey-segment").unstarted(() -> prepare(path));
    preparing = true;
    thread.start();
  }

  private void prepare(Path path) {
    SegmentFiles.@Nullable Made made = null;
    try {
      made = segmentFiles.takeOrAllocate(path);
    } catch (IOException | RuntimeException e) {
      // Whoever needs the segment tries again, and says why it can't be.
    } finally {
      lock.lock();
      try {
        prepared = made;
        preparing = false;
        progress.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Syncs what nobody flushes, bit by bit, so that no writer waits for all of a segment. */
  private void syncAhead() {
    if (syncing || syncingAhead) {
      return;
    }
    syncingAhead = true;
    long position = appended;
    Thread.ofVirtual().name("bailey-segment-sync").start(() -> syncAhead(position));
  }

  private void syncAhead(long position) {
    try {
      sync(position);
    } catch (IOException e) {
      // It is final, and whoever appends next hears of it; or the journal is closed.
    } finally {
      lock.lock();
      try {
        syncingAhead = false;
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Has the disk begin with what was appended, so that the next sync finds little left. Only where
   * the file was written before: else the file system would have as much to note of each piece.
   */
  public void writeOut() {
    Segment segment;
    long from;
    long to;
    lock.lock();
    try {
      segment = current;
      from = writtenOut;
      to = end & -WRITE_OUT_BYTES;
      if (segment == null || !segment.writtenBefore() || to <= from) {
        return;
      }
      writtenOut = to;
      segment.retain();
    } finally {
      lock.unlock();
    }
    try {
      segment.file().writeOut(from, to - from);
    } finally {
      segment.release();
    }
  }

  /** Gives back the room of files that are kept for later segments: the disk is full. */
  public void giveUpSpares() throws IOException {
    segmentFiles.giveUpSpares();
  }

  /** Returns when everything up to a position survives power loss. */
  public void sync(long position) throws IOException {
    lock.lock();
    waiting++;
    try {
      while (true) {
        failIfFailed();
        if (synced >= position) {
          return;
        }
        if (syncing || gathering) {
          progress.awaitUninterruptibly();
          continue;
        }
        Segment segment = current;
        if (segment == null) {
          throw new StorageException(Kind.CLOSED, "the journal is closed");
        }
        long began = System.nanoTime();
        long pause = pace.pauseNanos(began, segment.writtenBefore());
        if (pause > 0) {
          gather(pause);
          continue;
        }
        syncing = true;
        syncBegun = end;
        long target = appended;
        lock.unlock();
        StorageException failed = null;
        try {
          segment.file().sync();
        } catch (StorageException e) {
          failed = e;
        } finally {
          lock.lock();
          syncing = false;
          syncs++;
          pace.note(began, System.nanoTime(), waiting);
          progress.signalAll();
        }
        if (failed != null) {
          throw fail(failed);
        }
        if (target > synced) {
          synced = target;
          syncedOffset = syncBegun;
        }
      }
    } finally {
      waiting--;
      lock.unlock();
    }
  }

  /** Waits for others to come; what has happened meanwhile is to be looked at anew. */
  @SuppressWarnings("WaitNotInLoop") // The caller loops.
  private void gather(long nanos) throws StorageException {
    gathering = true;
    try {
      long _ = progress.awaitNanos(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException(Kind.IO, "waiting for a sync was interrupted", e);
    } finally {
      gathering = false;
      progress.signalAll();
    }
  }

  private StorageException fail(StorageException cause) {
    if (failure == null) {
      failure = cause;
      progress.signalAll();
    }
    return failure;
  }

  private void failIfFailed() throws StorageException {
    if (failure != null) {
      throw new StorageException(
          Kind.READ_ONLY, "the journal failed and takes no more: " + failure.getMessage(), failure);
    }
  }

  /** A volume no longer needs its batches up to a sequence; segments nobody needs are deleted. */
  public void release(long volume, long upToSequence) throws IOException {
    lock.lock();
    try {
      for (Segment segment : segments.values()) {
        Long last = segment.needs.get(volume);
        if (last != null && last <= upToSequence) {
          segment.needs.remove(volume);
        }
      }
      if (upToSequence == Long.MAX_VALUE) {
        segmentFiles.forgetVolume(volume);
      }
      dropUnneeded();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Drops the oldest segments that nobody needs: each says where the one before it ends. Where the
   * log is too long all the same, so do those behind one that is needed, but for a header.
   */
  private void dropUnneeded() throws IOException {
    if (recovering) {
      return;
    }
    for (Segment oldest : segments.values()) {
      if (!oldest.needs.isEmpty() || oldest == current) {
        break;
      }
      drop(oldest);
    }
    if (segmentCount() > limits.logBytes / limits.segmentBytes) {
      try {
        emptyUnneeded();
      } catch (StorageException e) {
        LOG.log(System.Logger.Level.WARNING, "the journal stays long: {0}", e.getMessage());
      }
    }
    tooLong = segmentCount() > limits.maxLogBytes() / limits.segmentBytes;
  }

  /** Segments that have records. */
  private long segmentCount() {
    return segments.values().stream().filter(segment -> !segment.emptied).count();
  }

  private void emptyUnneeded() throws IOException {
    List<Segment> unneeded = new ArrayList<>();
    for (Segment segment : segments.values()) {
      if (segment.needs.isEmpty() && segment != current) {
        unneeded.add(segment);
      } else {
        if (!unneeded.stream().allMatch(one -> one.emptied)) {
          empty(unneeded);
        }
        unneeded.clear();
      }
    }
  }

  /** Leaves of neighbours the last one's header, which says where the log ends before them. */
  private void empty(List<Segment> neighbours) throws IOException {
    Segment last = neighbours.getLast();
    Optional<SegmentHeader> first = SegmentHeader.read(neighbours.getFirst());
    if (first.isEmpty()) {
      return;
    }
    SegmentHeader header =
        new SegmentHeader(last.number(), first.get().before(), first.get().beforeEnd(), true);
    SmallFile.replace(files, last.path(), header.encode(), SegmentHeader.BYTES);
    HostFile file = files.open(last.path());
    Segment emptied = new Segment(last.number(), last.path(), file, serials.getAsLong());
    emptied.emptied = true;
    segments.put(last.number(), emptied);
    last.release();
    // Before the others go: without them, what the last one was says nothing of the one before.
    files.syncDirectory(directory);
    for (Segment segment : neighbours) {
      forgetKept(segment.number());
      if (segment != last) {
        delete(segment);
      }
    }
  }

  private void forgetKept(long number) {
    if (kept != null) {
      kept.forget(number);
    }
  }

  private void drop(Segment segment) throws IOException {
    forgetKept(segment.number());
    if (segment.file().size() < limits.segmentBytes || !segment.end()) {
      delete(segment);
      return;
    }
    segments.remove(segment.number());
    segmentFiles.giveBack(segment.path(), segment.file());
  }

  private void delete(Segment segment) throws IOException {
    files.delete(segment.path());
    segments.remove(segment.number());
    segment.release();
  }

  /**
   * Volumes that keep the log longer than it should be; those of the oldest segment first.
   *
   * @param startBytes of headers and indexes that a start may have to read in any case
   * @param liveBlocks that have their newest bytes in it; indexes four times as large as those of
   *     that many are fine, too
   */
  public Set<Long> holdingBack(long startBytes, long liveBlocks) {
    long indexBytes = MAX_INDEX_PER_LIVE * INDEX_ENTRY_BYTES * liveBlocks;
    return holdingBack(limits.logBytes, startBytes, indexBytes);
  }

  /** Whether nobody should write more until {@link #blocking} volumes are sorted. No lock. */
  public boolean isTooLong() {
    return tooLong;
  }

  /** Volumes that keep the log longer than it may be. */
  public Set<Long> blocking() {
    return holdingBack(limits.maxLogBytes(), Long.MAX_VALUE, Long.MAX_VALUE);
  }

  private Set<Long> holdingBack(long bytes, long startBytes, long indexBytes) {
    lock.lock();
    try {
      Set<Long> volumes = new LinkedHashSet<>();
      long over = segmentCount() - bytes / limits.segmentBytes;
      long indexed = segments.values().stream().mapToLong(s -> s.indexBytes).sum();
      long toRead = segments.values().stream().mapToLong(Journal::startBytes).sum();
      for (Segment segment : segments.values()) {
        if (segment.emptied) {
          continue;
        }
        if (over-- <= 0 && (toRead <= startBytes || indexed <= indexBytes)) {
          break;
        }
        volumes.addAll(segment.needs.keySet());
        indexed -= segment.indexBytes;
        toRead -= startBytes(segment);
      }
      return volumes;
    } finally {
      lock.unlock();
    }
  }

  private static long startBytes(Segment segment) {
    return segment.indexBytes + (long) segment.records * RecordHeader.BYTES;
  }

  /** Forgets what is kept for a process that comes after a kill: all is in runs. */
  public void forgetKept() {
    lock.lock();
    try {
      if (kept != null) {
        kept.delete();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Syncs of the log since it was opened. */
  long syncCount() {
    lock.lock();
    try {
      return syncs;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() throws IOException {
    lock.lock();
    try {
      while (syncing || preparing) {
        progress.awaitUninterruptibly();
      }
      if (prepared != null) {
        prepared.file().close();
        prepared = null;
        files.delete(path(nextNumber));
      }
      current = null;
      dropUnneeded();
    } finally {
      // Also when the disk is gone: a file system with an open file can't be unmounted.
      segments.values().forEach(Segment::release);
      segments.clear();
      try {
        segmentFiles.close();
        if (kept != null) {
          kept.close();
        }
      } finally {
        lock.unlock();
      }
    }
  }
}
