package io.bailey.volume;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkStore;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Puts chunk files that are missing or damaged in place anew, from another source. One thread. */
final class ChunkRepair {
  /**
   * After so many failures in a row, of the source or of our own disk, no more is fetched: each may
   * take a timeout, or be fetched in vain.
   */
  private static final int MAX_FAILURES = 3;

  private static final System.Logger LOG = System.getLogger(ChunkRepair.class.getName());

  private final ChunkStore chunks;
  private final ChunkSource source;
  private final Map<String, String> failures = new HashMap<>();
  private final Set<String> tried = new HashSet<>();
  private int failuresInARow;
  private String lastFailure = "";

  ChunkRepair(ChunkStore chunks, ChunkSource source) {
    this.chunks = chunks;
    this.source = source;
  }

  /** Hears that the next chunk is to be fetched; throws to end the repair. */
  @FunctionalInterface
  interface Gate {
    void pass() throws StorageException;
  }

  /** Fetches what wasn't tried before; returns the paths of files that are whole now. */
  Set<String> repair(List<Chunk> damaged, Gate gate) throws StorageException {
    Set<String> mended = new HashSet<>();
    for (Chunk chunk : damaged) {
      String path = chunk.toString();
      if (!tried.add(path)) {
        continue;
      }
      gate.pass();
      Optional<String> failure = fetch(chunk);
      if (failure.isPresent()) {
        failures.put(path, failure.get());
      } else {
        LOG.log(System.Logger.Level.INFO, "repaired {0}", path);
        mended.add(path);
      }
    }
    return mended;
  }

  private Optional<String> fetch(Chunk chunk) {
    if (failuresInARow == MAX_FAILURES) {
      return Optional.of("not tried, for " + MAX_FAILURES + " in a row failed: " + lastFailure);
    }
    try (InputStream content = source.open(chunk.id().toString(), chunk.size())) {
      chunks.restore(chunk, content);
      failuresInARow = 0;
      return Optional.empty();
    } catch (IOException e) {
      boolean answered =
          e instanceof StorageException s
              && (s.kind() == Kind.NOT_FOUND || s.kind() == Kind.DAMAGED);
      failuresInARow = answered ? 0 : failuresInARow + 1;
      lastFailure = String.valueOf(e.getMessage());
      return Optional.of(lastFailure);
    }
  }

  /** Why a file wasn't repaired, if that was tried. */
  Optional<String> failure(String path) {
    return Optional.ofNullable(failures.get(path));
  }
}
