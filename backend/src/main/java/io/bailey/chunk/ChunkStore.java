package io.bailey.chunk;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
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

  private final HostFiles files;
  private final Path directory;
  private final int maxOpenFiles;
  private final AtomicLong serials = new AtomicLong();
  private final AtomicLong temporaries = new AtomicLong();

  private final Object lock = new Object();
  private final Map<ChunkId, Chunk> chunks = new HashMap<>();
  private final ArrayDeque<Chunk> open = new ArrayDeque<>();

  /** Opens the directory, making it if need be, and drops unfinished files. */
  public ChunkStore(HostFiles files, Path directory, int maxOpenFiles) throws IOException {
    this.files = files;
    this.directory = directory;
    this.maxOpenFiles = maxOpenFiles;
    files.createDirectories(directory);
    for (String name : files.list(directory)) {
      if (name.endsWith(TEMPORARY)) {
        files.delete(directory.resolve(name));
      }
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

  Chunk publish(Path temporary, HostFile file, ChunkId id, long size) throws IOException {
    synchronized (lock) {
      Chunk present = chunks.get(id);
      if (present != null) {
        present.references++;
        file.close();
        files.delete(temporary);
        return present;
      }
      files.rename(temporary, path(id));
      Chunk chunk = new Chunk(this, id, size, serials.getAndIncrement());
      chunks.put(id, chunk);
      keepOpen(chunk, file);
      return chunk;
    }
  }

  void abandon(Path temporary, HostFile file) throws IOException {
    file.close();
    files.delete(temporary);
  }

  /** Takes a reference to a chunk by name. The file is opened when it is first read. */
  public Chunk acquire(ChunkId id, long size) {
    synchronized (lock) {
      Chunk chunk = chunks.get(id);
      if (chunk == null) {
        chunk = new Chunk(this, id, size, serials.getAndIncrement());
        chunks.put(id, chunk);
      } else {
        chunk.references++;
      }
      return chunk;
    }
  }

  /** Takes one more reference to a chunk that the caller knows to be referenced. */
  public void retain(Chunk chunk) {
    synchronized (lock) {
      chunk.references++;
    }
  }

  /** Gives a reference back; the last one deletes the file. */
  public void release(Chunk chunk) throws IOException {
    HostFile file;
    synchronized (lock) {
      if (--chunk.references > 0) {
        return;
      }
      chunks.remove(chunk.id());
      file = chunk.file();
      chunk.file(null);
      open.remove(chunk);
      // Under the lock: the same content may be written again at this moment.
      files.delete(path(chunk.id()));
    }
    if (file != null) {
      file.close();
    }
  }

  /** Makes chunks and their names survive power loss. */
  public void sync(Collection<Chunk> which) throws IOException {
    for (Chunk chunk : which) {
      chunk.sync();
    }
    files.syncDirectory(directory);
  }

  /** Deletes the files that neither this process nor {@code alsoReferenced} refers to. */
  public int removeUnreferenced(Set<ChunkId> alsoReferenced) throws IOException {
    Set<String> keep = new HashSet<>();
    alsoReferenced.forEach(id -> keep.add(id.toString()));
    int removed = 0;
    synchronized (lock) {
      chunks.keySet().forEach(id -> keep.add(id.toString()));
      for (String name : files.list(directory)) {
        if (!keep.contains(name) && !name.endsWith(TEMPORARY)) {
          files.delete(directory.resolve(name));
          removed++;
        }
      }
    }
    return removed;
  }

  HostFile open(Chunk chunk) throws IOException {
    synchronized (lock) {
      HostFile present = chunk.file();
      if (present != null) {
        return present;
      }
      HostFile file;
      try {
        file = files.open(path(chunk.id()));
      } catch (StorageException e) {
        throw e.kind() == Kind.NOT_FOUND
            ? new StorageException(Kind.DAMAGED, "chunk " + path(chunk.id()) + " is missing", e)
            : e;
      }
      try {
        ChunkKind.check(file, path(chunk.id()));
      } catch (IOException e) {
        file.close();
        throw e;
      }
      keepOpen(chunk, file);
      return file;
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
