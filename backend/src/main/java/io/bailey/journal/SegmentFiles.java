package io.bailey.journal;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * The files that segments lie in. Where all of a file's blocks have been written once, a sync of
 * what is written over them has no metadata to write, which on a slow disk is most of it: so files
 * of segments that nobody needs are kept for new ones, and more are filled with zeros while the log
 * rests. Thread-safe.
 *
 * <p>A file changes its name before anything is written over what it has, and the directory is
 * synced in between. What it has is then of no segment of its name, and no file of this kind
 * outlives its process but by a crash, after which it is deleted.
 */
final class SegmentFiles implements AutoCloseable {
  /** Files that are kept for later have names that end so. */
  static final String SPARE = ".spare";

  /** Spare files for each volume that writes to the log. */
  private static final long BYTES_PER_VOLUME = 16L << 20;

  /** Fewer are served well enough by what their segments leave, of which some are kept. */
  private static final int MIN_VOLUMES = 8;

  private static final int MIN_KEPT = 2;

  private static final long REST_MILLIS = 500;

  /** What is filled at once: a flush that comes meanwhile waits for it. */
  private static final int STEP_BYTES = 2 << 20;

  private final HostFiles files;
  private final Path directory;
  private final long segmentBytes;
  private final int maxSpares;
  private final LongSupplier appended;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Spare> spares = new ArrayDeque<>();
  private final Set<Long> volumes = new HashSet<>();
  private long nextSpare;
  private boolean filling;
  private boolean full;
  private boolean closed;

  private record Spare(Path path, HostFile file) {}

  /** A segment's file, and whether all of it has been written once. */
  record Made(HostFile file, boolean written) {}

  /**
   * @param appended grows with everything that is appended to the log
   */
  SegmentFiles(HostFiles files, Path directory, Journal.Limits limits, LongSupplier appended) {
    this.files = files;
    this.directory = directory;
    this.segmentBytes = limits.segmentBytes();
    this.maxSpares = (int) (limits.logBytes() / segmentBytes);
    this.appended = appended;
  }

  /** Makes an empty file, whose name survives power loss. */
  Made create(Path path) throws IOException {
    files.delete(path);
    return durable(path, new Made(files.create(path), false));
  }

  /** A file with room for a segment; its name survives power loss, its bytes mean nothing. */
  Made takeOrAllocate(Path path) throws IOException {
    Spare spare;
    lock.lock();
    try {
      spare = spares.poll();
    } finally {
      lock.unlock();
    }
    if (spare == null) {
      files.delete(path);
      Made made = new Made(files.create(path), false);
      try {
        made.file.allocate(segmentBytes);
        // So that no commit has to wait for what the file system notes of that.
        made.file.sync();
      } catch (IOException e) {
        abandon(path, made.file);
        throw e;
      }
      return durable(path, made);
    }
    rename(spare.path, path, spare.file);
    return durable(path, new Made(spare.file, true));
  }

  private Made durable(Path path, Made made) throws IOException {
    try {
      files.syncDirectory(directory);
      return made;
    } catch (IOException e) {
      abandon(path, made.file);
      throw e;
    }
  }

  /** Gives a file another name; where that can't be, the file is no more. */
  private void rename(Path from, Path to, HostFile file) throws IOException {
    try {
      files.rename(from, to);
    } catch (IOException e) {
      abandon(from, file);
      throw e;
    }
    file.renamed(to);
  }

  private void abandon(Path path, HostFile file) throws IOException {
    file.close();
    files.delete(path);
  }

  /** Takes the file of a segment that nobody needs or reads any more. */
  void giveBack(Path path, HostFile file) throws IOException {
    Path spare;
    lock.lock();
    try {
      if (full && hasRoomAgain()) {
        full = false;
        fillIfWanted();
      }
      if (closed || spares.size() >= Math.max(MIN_KEPT, wanted())) {
        spare = path;
      } else {
        spare = nextPath();
        try {
          rename(path, spare, file);
          spares.add(new Spare(spare, file));
        } catch (StorageException e) {
          // It is no more; the next segment gets another.
        }
        return;
      }
    } finally {
      lock.unlock();
    }
    abandon(spare, file);
  }

  /** Whether there is twice what files for later may take: they are not to fill the disk again. */
  private boolean hasRoomAgain() {
    try {
      return files.usableBytes(directory) >= 2L * maxSpares * segmentBytes;
    } catch (IOException e) {
      // Not known: as before.
      return false;
    }
  }

  private Path nextPath() {
    return directory.resolve("%012d".formatted(nextSpare++) + SPARE);
  }

  /** How many are filled. */
  private int wanted() {
    long writers = volumes.size();
    return full || writers < MIN_VOLUMES
        ? 0
        : (int) Math.min(maxSpares, writers * BYTES_PER_VOLUME / segmentBytes);
  }

  /** Notes that a volume writes to the log. */
  void noteVolume(long volume) {
    lock.lock();
    try {
      if (volumes.add(volume)) {
        fillIfWanted();
      }
    } finally {
      lock.unlock();
    }
  }

  private void fillIfWanted() {
    if (!filling && !closed && wanted() > spares.size()) {
      filling = true;
      Thread.ofVirtual().name("bailey-segment-fill").start(this::fillWanted);
    }
  }

  /** Notes that a volume is no more. */
  void forgetVolume(long volume) {
    lock.lock();
    try {
      volumes.remove(volume);
    } finally {
      lock.unlock();
    }
  }

  private void fillWanted() {
    try {
      while (awaitRest()) {
        fill();
      }
    } catch (IOException | RuntimeException e) {
      // Segments are made without: most likely the disk is full.
    } finally {
      lock.lock();
      try {
        filling = false;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Waits until the log rests and files are wanted; false if there is nothing more to do. */
  private boolean awaitRest() {
    lock.lock();
    try {
      long before = -1;
      for (long now = appended.getAsLong(); now != before; now = appended.getAsLong()) {
        before = now;
        long left = TimeUnit.MILLISECONDS.toNanos(REST_MILLIS);
        while (left > 0 && !closed) {
          try {
            left = changed.awaitNanos(left);
          } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted", e);
          }
        }
        if (closed || wanted() <= spares.size()) {
          return false;
        }
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  private void fill() throws IOException {
    Path path;
    lock.lock();
    try {
      path = nextPath();
    } finally {
      lock.unlock();
    }
    byte[] zeros = new byte[STEP_BYTES];
    HostFile file = files.create(path);
    boolean done = false;
    try {
      long before = appended.getAsLong();
      for (long at = 0; at < segmentBytes; at += STEP_BYTES) {
        if (appended.getAsLong() != before && !awaitRest()) {
          return;
        }
        before = appended.getAsLong();
        file.write(at, zeros, 0, (int) Math.min(STEP_BYTES, segmentBytes - at));
        file.sync();
      }
      lock.lock();
      try {
        if (!closed && !full) {
          spares.add(new Spare(path, file));
          done = true;
        }
      } finally {
        lock.unlock();
      }
    } finally {
      if (!done) {
        abandon(path, file);
      }
    }
  }

  /** Gives back what is kept for later, for the disk is full, and fills no more until it isn't. */
  void giveUpSpares() throws IOException {
    lock.lock();
    try {
      full = true;
      deleteSpares();
    } finally {
      lock.unlock();
    }
  }

  /** Deletes what is kept: another process may number its segments as this one did. */
  @Override
  public void close() throws IOException {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
      while (filling) {
        changed.awaitUninterruptibly();
      }
      deleteSpares();
    } finally {
      lock.unlock();
    }
  }

  private void deleteSpares() throws StorageException {
    StorageException first = null;
    for (Spare spare : spares) {
      try {
        abandon(spare.path, spare.file);
      } catch (StorageException e) {
        first = first == null ? e : first;
      } catch (IOException e) {
        first = first == null ? LocalFiles.failure("close", spare.path, e) : first;
      }
    }
    spares.clear();
    if (first != null) {
      throw first;
    }
  }
}
