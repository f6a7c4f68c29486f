package io.bailey.volume;

import io.bailey.crypto.Epoch;
import io.bailey.dubtree.MergePolicy;
import io.bailey.dubtree.Merger;
import io.bailey.dubtree.Run;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Merges the runs of a volume, one merge at a time. Thread-safe; see {@link Volume} for locks. */
final class VolumeMerger {
  /** Batches that end a merge at rest: the volume doesn't rest any more. */
  private static final int MAX_RUNS_WHILE_RESTING = 2;

  private static final long RETRY_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final StoreContext context;
  private final VolumeRuns runs;
  private final long blocks;
  private final Object lock = new Object();

  private volatile boolean failed;
  private volatile long retryAt;

  /** The last merge found no space; the next may. */
  private volatile boolean stuck;

  private volatile boolean closed;

  VolumeMerger(StoreContext context, VolumeRuns runs, long blocks) {
    this.context = context;
    this.runs = runs;
    this.blocks = blocks;
  }

  /**
   * Does what the merge policy asks for, until it asks for nothing. After a failure that isn't want
   * of space it does nothing for a minute: what can't be read can't be merged, until it is
   * repaired.
   *
   * @param atRest what the policy asks for a volume that nobody writes to
   * @return whether it came to the end, and wasn't ended by what is more urgent
   */
  boolean merge(boolean atRest) throws IOException {
    synchronized (lock) {
      try {
        while (mergeOnce(atRest)) {
          // The next merge may have become due.
        }
        stuck = false;
        failed = waits();
        return true;
      } catch (StorageException e) {
        if (closed || e.kind() == Kind.CLOSED) {
          return closed;
        }
        if (e.kind() == Kind.NO_SPACE) {
          stuck = true;
        } else {
          fail();
        }
        throw e;
      } catch (IOException | RuntimeException e) {
        fail();
        throw e;
      }
    }
  }

  private void fail() {
    retryAt = System.nanoTime() + RETRY_NANOS;
    failed = true;
  }

  private boolean waits() {
    return failed && System.nanoTime() - retryAt < 0;
  }

  /** Whether merges bring the number of runs down. */
  boolean merges() {
    return !closed && !failed && !stuck;
  }

  private boolean mergeOnce(boolean atRest) throws IOException {
    if (closed || waits()) {
      return false;
    }
    VolumeRuns.Own own = runs.retainedOwn();
    try {
      List<MergePolicy.RunInfo> infos = new ArrayList<>();
      for (Run run : own.runs()) {
        infos.add(run.info());
      }
      Optional<MergePolicy.Merge> due =
          atRest ? MergePolicy.chooseAtRest(infos) : MergePolicy.choose(infos);
      if (due.isEmpty()) {
        return false;
      }
      // Not before the stack was taken: what came into it after a commit is sealed with a new key.
      Epoch epoch = runs.epoch();
      List<Run> all = own.stack().runs();
      List<Run> old = all.subList(0, due.get().runs());
      boolean bottom = old.size() == all.size();
      int most = own.count() + MAX_RUNS_WHILE_RESTING;
      BooleanSupplier cancelled =
          () ->
              closed || (atRest && (runs.ownRuns() > most || context.maintenance().awaitsMerge()));
      runs.replace(
          old,
          Merger.merge(context.catalog(), old, due.get(), bottom, epoch, blocks, cancelled),
          0);
      return true;
    } finally {
      own.stack().release();
    }
  }

  /** Ends the merge that runs, without result, and begins none from now on. */
  void end() {
    closed = true;
  }

  /** {@link #end}, and waits for that. */
  void shut() {
    end();
    synchronized (lock) {
      // None is on its way.
    }
  }
}
