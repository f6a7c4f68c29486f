package io.bailey.chunk;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The directory of chunk files, each named by the SHA-256 of its content, with the number of runs
 * that refer to each. A file is written under a temporary name and renamed, so a name that looks
 * like a hash is a whole file. Thread-safe.
 *
 * <p>Only chunks that this process has seen referenced are deleted; what a crash left behind goes
 * in {@link #removeUnreferenced}, once every root has been read.
 */
public final class ChunkStore implements AutoCloseable {
  private static final String TEMPORARY = ".tmp";
  private static final Pattern NAME = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern UNFINISHED = Pattern.compile("([0-9]{1,19}|[0-9a-f]{64})\\.tmp");

  private final HostFiles files;
  private final Path directory;
  private final int maxOpenFiles;
  private final AtomicLong serials = new AtomicLong();
  private final AtomicLong temporaries = new AtomicLong();

  private final Object lock = new Object();
  private final Map<ChunkId, Chunk> chunks = new HashMap<>();
  private final ArrayDeque<Chunk> open = new ArrayDeque<>();
  private boolean keepAll;
  private boolean keepForNow;
  private volatile LongConsumer gone = serial -> {};

  private ChunkStore(int maxOpenFiles, HostFiles files, Path directory) {
    this.files = files;
    this.directory = directory;
    this.maxOpenFiles = maxOpenFiles;
  }

  /** Opens the directory, making it if need be, and drops unfinished files. */
  public ChunkStore(HostFiles files, Path directory, int maxOpenFiles) throws IOException {
    this(maxOpenFiles, files, directory);
    files.createDirectories(directory);
    for (String name : files.list(directory)) {
      if (UNFINISHED.matcher(name).matches()) {
        files.delete(directory.resolve(name));
      }
    }
  }

  private static boolean isChunk(String name) {
    return NAME.matcher(name).matches();
  }

  /** A number for the block cache that nothing else has or will have. */
  public long newSerial() {
    return serials.getAndIncrement();
  }

  /** A directory as it is: for who only reads, and releases nothing. */
  public static ChunkStore asItIs(HostFiles files, Path directory, int maxOpenFiles) {
    return new ChunkStore(maxOpenFiles, files, directory);
  }

  /**
   * Sets who hears of the serials of chunks that were deleted, for which nobody will ask again. Not
   * called under a lock.
   */
  public void tellGone(LongConsumer listener) {
    gone = listener;
  }

  /** From now on no chunk is deleted: something that can't be read may refer to any. */
  public void keepAll() {
    synchronized (lock) {
      keepAll = true;
    }
  }

  /**
   * Until {@link #removeUnreferenced} no chunk is deleted: runs whose tables haven't been read yet
   * may refer to any.
   */
  public void keepForNow() {
    synchronized (lock) {
      keepForNow = true;
    }
  }

  /** Whether a chunk is deleted that nothing refers to any more. */
  public boolean deletes() {
    synchronized (lock) {
      return !keepAll && !keepForNow;
    }
  }

  Path path(ChunkId id) {
    return directory.resolve(id.toString());
  }

  /** Begins a chunk whose length isn't known yet. */
  public ChunkOutput newOutput(ChunkKind kind) throws IOException {
    Path path = directory.resolve(temporaries.getAndIncrement() + TEMPORARY);
    return new ChunkOutput(this, kind, path, files.create(path));
  }

  /** Gives a finished chunk its name; returns the one that has it already, if there is one. */
  Chunk publish(Chunk chunk, Path temporary, HostFile file) throws IOException {
    Chunk present;
    synchronized (lock) {
      present = chunks.get(chunk.id());
      if (present == null) {
        files.rename(temporary, path(chunk.id()));
        file.renamed(path(chunk.id()));
        chunks.put(chunk.id(), chunk);
        keepOpen(chunk, file);
        return chunk;
      }
      present.references().add();
    }
    try {
      abandon(temporary, file);
    } catch (IOException e) {
      release(present);
      throw e;
    }
    return present;
  }

  void abandon(Path temporary, HostFile file) throws IOException {
    file.close();
    files.delete(temporary);
  }

  /**
   * Takes a reference to a chunk by name, for a run that a root on disk names. The file is opened
   * when it is first read.
   */
  public Chunk acquire(ChunkKind kind, ChunkId id, long size) {
    synchronized (lock) {
      Chunk chunk = chunks.get(id);
      if (chunk == null) {
        chunk = new Chunk(this, kind, id, size, newSerial());
        chunks.put(id, chunk);
      } else {
        chunk.references().add();
        chunk.references().giveAway();
      }
      return chunk;
    }
  }

  /** Takes one more reference to a chunk that the caller knows to be referenced. */
  public void retain(Chunk chunk) {
    synchronized (lock) {
      chunk.references().add();
    }
  }

  /** Gives a reference back; the last one deletes the file. */
  public void release(Chunk chunk) throws IOException {
    synchronized (lock) {
      if (!chunk.references().remove()) {
        return;
      }
      chunks.remove(chunk.id());
      open.remove(chunk);
      close(chunk);
      if (deletes()) {
        // Under the lock: the same content may be written again at this moment.
        files.delete(path(chunk.id()));
      }
    }
    gone.accept(chunk.serial());
  }

  /**
   * Puts a chunk's file in its place anew, whatever lies there now. It survives power loss when
   * this returns.
   *
   * @param content is read to the length that the chunk has, and a byte further
   * @throws StorageException kind {@code DAMAGED}, with nothing changed, if that isn't what the
   *     name says
   */
  public void restore(Chunk chunk, InputStream content) throws IOException {
    Path temporary = directory.resolve(chunk.id() + TEMPORARY);
    files.delete(temporary);
    HostFile written = files.create(temporary);
    try (written) {
      copyWhole(chunk, content, written);
      written.sync();
    } catch (IOException e) {
      files.delete(temporary);
      throw e;
    }
    synchronized (lock) {
      try {
        files.rename(temporary, path(chunk.id()));
      } catch (StorageException e) {
        // A directory can't be renamed over.
        files.delete(path(chunk.id()));
        files.rename(temporary, path(chunk.id()));
      }
      // Reads that go on with what was open notice, and open what is there now.
      if (chunk.file() != null) {
        open.remove(chunk);
        close(chunk);
      }
    }
    files.syncDirectory(directory);
  }

  private static void copyWhole(Chunk chunk, InputStream content, HostFile written)
      throws IOException {
    MessageDigest sha = ChunkId.sha256();
    byte[] window = new byte[(int) Math.min(1 << 16, chunk.size() + 1)];
    long done = 0;
    for (int n = content.read(window); n >= 0; n = content.read(window)) {
      if (n > chunk.size() - done) {
        throw new StorageException(
            Kind.DAMAGED, chunk.id() + " comes with more than its " + chunk.size() + " bytes");
      }
      written.write(done, window, 0, n);
      sha.update(window, 0, n);
      done += n;
    }
    if (done != chunk.size()) {
      throw new StorageException(
          Kind.DAMAGED, chunk.id() + " comes with " + done + " bytes, not " + chunk.size());
    }
    ChunkId found = ChunkId.ofDigest(sha.digest());
    if (!found.equals(chunk.id())) {
      throw new StorageException(
          Kind.DAMAGED, chunk.id() + " comes with other content, whose SHA-256 is " + found);
    }
  }

  /** Makes chunks and their names survive power loss; where that failed once, it fails again. */
  public void sync(Collection<Chunk> which) throws IOException {
    for (Chunk chunk : which) {
      chunk.sync();
    }
    try {
      files.syncDirectory(directory);
      which.forEach(Chunk::named);
    } catch (StorageException e) {
      which.forEach(chunk -> chunk.syncFailed(e));
      throw e;
    }
  }

  /** Names of chunk files that this process doesn't refer to, in order. */
  public List<String> unreferenced() throws IOException {
    synchronized (lock) {
      return files.list(directory).stream()
          .filter(name -> isChunk(name) && !chunks.containsKey(ChunkId.parse(name)))
          .sorted()
          .toList();
    }
  }

  /**
   * Deletes the chunk files that neither this process nor {@code alsoReferenced} refers to, and
   * from now on each that nothing refers to any more. What has no name of the store's isn't the
   * store's, and stays.
   */
  public int removeUnreferenced(Set<ChunkId> alsoReferenced) throws IOException {
    List<ChunkId> present = new ArrayList<>();
    List<String> foreign = new ArrayList<>();
    synchronized (lock) {
      keepForNow = false;
      for (String name : files.list(directory)) {
        if (isChunk(name)) {
          present.add(ChunkId.parse(name));
        } else if (!UNFINISHED.matcher(name).matches()) {
          foreign.add(name);
        }
      }
    }
    int removed = 0;
    for (ChunkId id : present) {
      // One at a time: whoever opens a file or makes one waits for this.
      synchronized (lock) {
        if (!chunks.containsKey(id) && !alsoReferenced.contains(id)) {
          files.delete(path(id));
          removed++;
        }
      }
    }
    if (!foreign.isEmpty()) {
      System.getLogger(ChunkStore.class.getName())
          .log(
              System.Logger.Level.WARNING,
              "{0} has {1} files that aren''t the store''s, {2} for one: they are left alone",
              directory,
              foreign.size(),
              foreign.getFirst());
    }
    return removed;
  }

  HostFile open(Chunk chunk) throws IOException {
    synchronized (lock) {
      HostFile present = chunk.file();
      if (present != null) {
        return present;
      }
      HostFile file = openFile(chunk);
      keepOpen(chunk, file);
      return file;
    }
  }

  HostFile openFile(Chunk chunk) throws IOException {
    HostFile file;
    try {
      file = files.open(path(chunk.id()));
    } catch (StorageException e) {
      throw e.kind() == Kind.NOT_FOUND
          ? new StorageException(Kind.DAMAGED, "chunk " + path(chunk.id()) + " is missing", e)
          : e;
    }
    try {
      chunk.kind().check(file, path(chunk.id()));
      return file;
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Closes every file. Nothing may be read any more. */
  @Override
  public void close() {
    synchronized (lock) {
      open.forEach(ChunkStore::close);
      open.clear();
    }
  }

  private void keepOpen(Chunk chunk, HostFile file) {
    chunk.file(file);
    open.addLast(chunk);
    if (open.size() > maxOpenFiles) {
      close(open.removeFirst());
    }
  }

  private static void close(Chunk chunk) {
    @Nullable HostFile file = chunk.file();
    chunk.file(null);
    if (file != null) {
      try {
        file.close();
      } catch (IOException e) {
        System.getLogger(ChunkStore.class.getName())
            .log(System.Logger.Level.WARNING, "can't close " + chunk, e);
      }
    }
  }
}
