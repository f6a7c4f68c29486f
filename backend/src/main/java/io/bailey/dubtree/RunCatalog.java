package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkId;
import io.bailey.chunk.ChunkKind;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.KeyRing;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * Every run that a root of the store refers to, once, however many roots do. When the last
 * reference goes, so do the run's references to its chunks, and chunks that nothing else refers to.
 * Thread-safe.
 */
public final class RunCatalog {
  private static final System.Logger LOG = System.getLogger(RunCatalog.class.getName());

  private final ChunkStore chunks;
  private final KeyRing keys;
  private final BlockCache cache;
  private final PresenceBudget presences;
  private final Map<ChunkId, Run> runs = new HashMap<>();

  /**
   * @param cache forgets from now on what the chunks say is gone
   * @param presenceBytes for the sets that say which blocks a run has
   */
  public RunCatalog(ChunkStore chunks, KeyRing keys, BlockCache cache, long presenceBytes) {
    this.presences = new PresenceBudget(presenceBytes);
    this.chunks = chunks;
    this.keys = keys;
    this.cache = cache;
    chunks.tellGone(cache::forget);
  }

  ChunkStore chunks() {
    return chunks;
  }

  KeyRing keys() {
    return keys;
  }

  BlockCache cache() {
    return cache;
  }

  PresenceBudget presences() {
    return presences;
  }

  /** Takes a reference to the run that a root names. Reads nothing. */
  public Run acquire(RunRef ref) {
    synchronized (runs) {
      Run run = runs.get(ref.tree());
      if (run == null) {
        run = new Run(this, ref, chunks.acquire(ChunkKind.TREE, ref.tree(), ref.treeBytes()));
        runs.put(ref.tree(), run);
      } else {
        run.references().add();
        run.giveAway();
      }
      return run;
    }
  }

  /** Adds a run just written; it comes with one reference, and so do its chunks. */
  Run add(RunRef ref, Chunk tree, Run.Content content) {
    Run run = new Run(this, ref, tree);
    run.become(content);
    synchronized (runs) {
      runs.put(ref.tree(), run);
    }
    return run;
  }

  void retain(Run run) {
    synchronized (runs) {
      run.references().add();
    }
  }

  /** Retains a run for another disk than those that have it. */
  void share(Run run) {
    retain(run);
    run.giveAway();
  }

  void release(Run run) {
    synchronized (runs) {
      if (!run.references().remove()) {
        return;
      }
      runs.remove(run.ref().tree());
    }
    try {
      Run.Content content = run.content();
      presences.release(content.presence());
      content.chunks.forEach(this::release);
    } catch (IOException e) {
      logFailure(e);
    }
    release(run.tree());
  }

  private void release(Chunk chunk) {
    try {
      chunks.release(chunk);
    } catch (IOException e) {
      logFailure(e);
    }
  }

  /** What stays behind is found when the store is opened again. */
  private static void logFailure(IOException e) {
    LOG.log(System.Logger.Level.WARNING, "can''t delete all of a run: {0}", e.getMessage());
  }
}
