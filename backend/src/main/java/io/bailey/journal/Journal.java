package io.bailey.journal;

import io.bailey.io.Encoder;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The write-ahead log. Volumes append batches; whoever needs one to survive power loss waits for a
 * sync that covers it, and one sync serves all who wait. Thread-safe.
 *
 * <p>The first failed write or sync is final: every later append and sync repeats it, for the
 * kernel may have dropped what it couldn't write and would report the next sync a success.
 */
public final class Journal implements AutoCloseable {
  private static final long SEGMENT_BYTES = 64L << 20;
  private static final int HEADER_BYTES = 16;
  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'J', 1};

  private final HostFiles files;
  private final Path directory;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition progress = lock.newCondition();

  /** By number; the last is the one written to. */
  private final TreeMap<Long, Segment> segments = new TreeMap<>();

  private @Nullable HostFile current;
  private long nextNumber;
  private long currentBytes;

  /** Bytes appended and synced since the journal was opened: positions. */
  private long appended;

  private long synced;
  private boolean syncing;

  /** While it is, no segment is known to be needed by nobody. */
  private boolean recovering;

  private long syncs;
  private @Nullable StorageException failure;

  /** Which volumes still need a segment: each one's last sequence in it. */
  private record Segment(Map<Long, Long> lastSequence) {}

  /** Opens a journal's directory; {@link #recover} must come next. */
  public Journal(HostFiles files, Path directory) throws IOException {
    this.files = files;
    this.directory = directory;
    files.createDirectories(directory);
  }

  /** Hears of the batches of an earlier process, oldest first. */
  @FunctionalInterface
  public interface Recovery {
    /** Takes a batch; returns whether its volume still needs it. */
    boolean batch(Batch batch) throws IOException;
  }

  /** Reads what an earlier process left. A segment ends at its first record that isn't whole. */
  public void recover(Recovery recovery) throws IOException {
    TreeMap<Long, String> present = new TreeMap<>();
    for (String name : files.list(directory)) {
      if (name.matches("[0-9]{12}\\.log")) {
        present.put(Long.parseLong(name.substring(0, 12)), name);
      }
    }
    recovering = true;
    for (Map.Entry<Long, String> entry : present.entrySet()) {
      Segment segment = new Segment(new HashMap<>());
      segments.put(entry.getKey(), segment);
      readSegment(entry.getKey(), directory.resolve(entry.getValue()), segment, recovery);
      nextNumber = entry.getKey() + 1;
    }
    recovering = false;
    dropUnneeded();
  }

  private void readSegment(long number, Path path, Segment segment, Recovery recovery)
      throws IOException {
    try (HostFile file = files.open(path)) {
      long size = file.size();
      failIfNewer(file, size, path);
      byte[] head = new byte[12];
      for (long at = HEADER_BYTES; at + BatchWriter.INDEX_AT <= size; ) {
        file.read(at, head, 0, head.length);
        int length = BatchWriter.intAt(head, 4);
        if (BatchWriter.intAt(head, 0) != BatchWriter.MAGIC
            || length < BatchWriter.INDEX_AT
            || length > size - at) {
          return;
        }
        byte[] record = new byte[length];
        file.read(at, record, 0, length);
        if (BatchWriter.checksum(record, length) != BatchWriter.intAt(head, 8)
            || BatchWriter.longAt(record, 12) != number) {
          return;
        }
        Batch batch = new Batch("record at offset " + at + " of " + path, record);
        if (recovery.batch(batch)) {
          segment.lastSequence.merge(batch.volume(), batch.lastSequence(), Math::max);
        }
        at += length;
      }
    }
  }

  /** A header that isn't one is no matter: a power cut came before the segment's first sync. */
  private static void failIfNewer(HostFile file, long size, Path path) throws IOException {
    int last = MAGIC.length - 1;
    byte[] found = new byte[MAGIC.length];
    if (size >= found.length) {
      file.read(0, found, 0, found.length);
      if (Arrays.equals(found, 0, last, MAGIC, 0, last) && found[last] > MAGIC[last]) {
        throw new StorageException(
            Kind.TOO_NEW, "journal " + path + " was written by a newer version: use that one");
      }
    }
  }

  /**
   * A batch in the log.
   *
   * @param position where it ends, for {@link #sync}
   * @param newSegment whether it is the first of its segment
   */
  public record Appended(long position, int bytes, boolean newSegment) {}

  /**
   * Appends a batch. Batches of one volume must come in the order of their sequences.
   *
   * @param lastSequence of the volume's writes that the batch has
   */
  public Appended append(long volume, BatchWriter batch, long lastSequence) throws IOException {
    lock.lock();
    try {
      failIfFailed();
      while (current == null || currentBytes >= SEGMENT_BYTES) {
        startSegment();
      }
      long number = nextNumber - 1;
      Encoder record = batch.finish(number, lastSequence);
      HostFile file = current;
      try {
        file.write(currentBytes, record.array(), 0, record.size());
      } catch (StorageException e) {
        // Nothing follows a torn record, so the next append may write over it.
        throw e.kind() == Kind.NO_SPACE ? e : fail(e);
      }
      currentBytes += record.size();
      appended += record.size();
      Segment segment = segments.get(number);
      if (segment != null) {
        segment.lastSequence.put(volume, lastSequence);
      }
      return new Appended(appended, record.size(), currentBytes == HEADER_BYTES + record.size());
    } finally {
      lock.unlock();
    }
  }

  private void startSegment() throws IOException {
    HostFile old = current;
    if (old != null) {
      awaitNoSync();
      if (synced < appended) {
        syncFile(old);
        synced = appended;
        progress.signalAll();
      }
      old.close();
      current = null;
    }
    long number = nextNumber;
    Path path = directory.resolve("%012d.log".formatted(number));
    files.delete(path);
    HostFile file = files.create(path);
    try {
      Encoder header = new Encoder(HEADER_BYTES);
      header.putBytes(MAGIC).putLong(number);
      file.write(0, header.array(), 0, header.size());
      files.syncDirectory(directory);
    } catch (IOException e) {
      file.close();
      files.delete(path);
      throw e;
    }
    nextNumber++;
    current = file;
    currentBytes = HEADER_BYTES;
    segments.put(number, new Segment(new HashMap<>()));
    dropUnneeded();
  }

  /** Returns when everything up to a position survives power loss. */
  public void sync(long position) throws IOException {
    lock.lock();
    try {
      while (true) {
        failIfFailed();
        if (synced >= position) {
          return;
        }
        if (syncing) {
          progress.awaitUninterruptibly();
          continue;
        }
        HostFile file = current;
        if (file == null) {
          throw new StorageException(Kind.CLOSED, "the journal is closed");
        }
        syncing = true;
        long target = appended;
        lock.unlock();
        StorageException failed = null;
        try {
          file.sync();
        } catch (StorageException e) {
          failed = e;
        } finally {
          lock.lock();
          syncing = false;
          syncs++;
          progress.signalAll();
        }
        if (failed != null) {
          throw fail(failed);
        }
        synced = Math.max(synced, target);
      }
    } finally {
      lock.unlock();
    }
  }

  private void syncFile(HostFile file) throws IOException {
    try {
      file.sync();
    } catch (StorageException e) {
      throw fail(e);
    }
  }

  private void awaitNoSync() {
    while (syncing) {
      progress.awaitUninterruptibly();
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
        Long last = segment.lastSequence.get(volume);
        if (last != null && last <= upToSequence) {
          segment.lastSequence.remove(volume);
        }
      }
      dropUnneeded();
    } finally {
      lock.unlock();
    }
  }

  private void dropUnneeded() throws IOException {
    if (recovering) {
      return;
    }
    List<Long> unneeded = new ArrayList<>();
    for (Map.Entry<Long, Segment> entry : segments.entrySet()) {
      boolean writing = current != null && entry.getKey() == nextNumber - 1;
      if (entry.getValue().lastSequence.isEmpty() && !writing) {
        unneeded.add(entry.getKey());
      }
    }
    for (long number : unneeded) {
      files.delete(directory.resolve("%012d.log".formatted(number)));
      segments.remove(number);
    }
  }

  /**
   * Volumes that keep segments older than the newest {@code segmentsAllowed} from being deleted.
   */
  public List<Long> holdingBack(int segmentsAllowed) {
    lock.lock();
    try {
      List<Long> volumes = new ArrayList<>();
      int old = segments.size() - segmentsAllowed;
      for (Segment segment : segments.values()) {
        if (old-- <= 0) {
          break;
        }
        volumes.addAll(segment.lastSequence.keySet());
      }
      return volumes;
    } finally {
      lock.unlock();
    }
  }

  /** Syncs of the log since it was opened. */
  public long syncCount() {
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
      awaitNoSync();
      HostFile file = current;
      if (file != null) {
        current = null;
        file.close();
      }
      dropUnneeded();
    } finally {
      lock.unlock();
    }
  }
}
