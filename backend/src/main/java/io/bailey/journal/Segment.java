package io.bailey.journal;

import io.bailey.io.HostFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One file of the log, open as long as a volume needs it or a reader has it. Thread-safe, but for
 * what the journal's lock guards.
 */
public final class Segment {
  private static final System.Logger LOG = System.getLogger(Segment.class.getName());

  private final long number;
  private final Path path;
  private final HostFile file;
  private final long serial;
  private final boolean writtenBefore;
  private final AtomicInteger references = new AtomicInteger(1);

  /**
   * Which volumes still need it: each one's last sequence in it. Guarded by the journal's lock, but
   * for a start, which adds to it while what it has read already may be sorted.
   */
  final Map<Long, Long> needs = new ConcurrentHashMap<>();

  /** What a start reads of it. Guarded by the journal's lock. */
  int records;

  /** Of its records' indexes. Guarded by the journal's lock. */
  long indexBytes;

  /** Whether all that is left is a header. Guarded by the journal's lock. */
  boolean emptied;

  Segment(long number, Path path, HostFile file, long serial) {
    this(number, path, file, serial, false);
  }

  /**
   * @param writtenBefore whether all of the file has been written once, so that writing over it
   *     changes no metadata
   */
  Segment(long number, Path path, HostFile file, long serial, boolean writtenBefore) {
    this.number = number;
    this.path = path;
    this.file = file;
    this.serial = serial;
    this.writtenBefore = writtenBefore;
  }

  long number() {
    return number;
  }

  public Path path() {
    return path;
  }

  HostFile file() {
    return file;
  }

  boolean writtenBefore() {
    return writtenBefore;
  }

  /** A number that no other segment of this process has: the block cache's key. */
  public long serial() {
    return serial;
  }

  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    file.read(offset, dst, dstOffset, length);
  }

  /** Like {@link #read}, if that needn't wait for a disk; false, with nothing read, else. */
  public boolean tryRead(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    return file.tryRead(offset, dst, dstOffset, length);
  }

  /** Keeps the file open; the caller must know that a volume needs it, or have retained it. */
  public void retain() {
    if (references.getAndIncrement() <= 0) {
      throw new IllegalStateException(path + " retained after its end");
    }
  }

  /** Ends the segment if nobody reads it; the file stays open then, for the caller. */
  boolean end() {
    return references.compareAndSet(1, 0);
  }

  public void release() {
    if (references.decrementAndGet() == 0) {
      try {
        file.close();
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "can''t close {0}: {1}", path, e.getMessage());
      }
    }
  }
}
