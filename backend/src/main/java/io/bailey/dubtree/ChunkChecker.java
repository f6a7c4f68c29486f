package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkId;
import io.bailey.io.HostFile;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Holds chunk files against their names, each once however many runs need it, and reads from them.
 * Files are opened by name and not through what the store has open, so that a file that was put in
 * another's place, or taken away, is noticed. At most 64 are open. One thread.
 */
final class ChunkChecker implements AutoCloseable {
  private static final int WINDOW_BYTES = 1 << 20;
  private static final int MAX_OPEN = 64;

  private final RunChecker.Listener listener;
  private byte[] window = new byte[0];
  private final LinkedHashMap<ChunkId, HostFile> open = new LinkedHashMap<>(128, 0.75f, true);
  private final Set<ChunkId> whole = new HashSet<>();
  private final Map<Chunk, String> damaged = new LinkedHashMap<>();

  ChunkChecker(RunChecker.Listener listener) {
    this.listener = listener;
  }

  /** What is wrong with a chunk's file, if anything; it is read unless it was before. */
  Optional<String> problem(Chunk chunk) throws StorageException {
    if (whole.contains(chunk.id())) {
      return Optional.empty();
    }
    String known = damaged.get(chunk);
    if (known == null) {
      Optional<String> found = hash(chunk);
      if (found.isEmpty()) {
        whole.add(chunk.id());
        return found;
      }
      known = found.get();
      damaged.put(chunk, known);
    }
    return Optional.of(known);
  }

  /** The chunks with a problem so far, in the order in which they were found. */
  Set<Chunk> damaged() {
    return damaged.keySet();
  }

  private Optional<String> hash(Chunk chunk) throws StorageException {
    MessageDigest sha = ChunkId.sha256();
    long done = 0;
    try {
      HostFile file = file(chunk);
      long size = file.size();
      if (size != chunk.size()) {
        return Optional.of(chunk + " has " + size + " bytes, not " + chunk.size());
      }
      if (window.length < Math.min(WINDOW_BYTES, size)) {
        window = new byte[(int) Math.min(WINDOW_BYTES, size)];
      }
      while (done < size) {
        int length = (int) Math.min(window.length, size - done);
        file.read(done, window, 0, length);
        sha.update(window, 0, length);
        done += length;
        listener.read(length);
      }
    } catch (StorageException e) {
      if (e.kind() == StorageException.Kind.CLOSED) {
        throw e;
      }
      listener.read(chunk.size() - done);
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return Optional.of(chunk + ": " + e.getMessage());
    }
    ChunkId found = ChunkId.ofDigest(sha.digest());
    return found.equals(chunk.id())
        ? Optional.empty()
        : Optional.of(chunk + " isn't what its name says: its SHA-256 is " + found);
  }

  /** Fills {@code length} bytes of {@code dst} with what the file has now. */
  void read(Chunk chunk, long offset, byte[] dst, int length) throws IOException {
    file(chunk).read(offset, dst, 0, length);
  }

  private HostFile file(Chunk chunk) throws IOException {
    HostFile file = open.get(chunk.id());
    if (file == null) {
      file = chunk.openAgain();
      open.put(chunk.id(), file);
      if (open.size() > MAX_OPEN) {
        Iterator<HostFile> files = open.values().iterator();
        HostFile eldest = files.next();
        files.remove();
        eldest.close();
      }
    }
    return file;
  }

  @Override
  public void close() throws IOException {
    for (HostFile file : open.values()) {
      file.close();
    }
    open.clear();
  }
}
