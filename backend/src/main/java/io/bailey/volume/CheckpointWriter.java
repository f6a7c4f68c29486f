package io.bailey.volume;

import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.CountDownLatch;

/** Turns what a volume has above its runs into a run, one at a time. Thread-safe. */
final class CheckpointWriter {
  /** Own runs at which checkpoints wait for merges. */
  private static final int MAX_WAITING_RUNS = 48;

  private final StoreContext context;
  private final Root root;
  private final VolumeTop top;
  private final VolumeLog log;
  private final VolumeRuns runs;
  private final VolumeMerger merger;
  private final VolumeLogWriter logWriter;
  private final WritePace pace;
  private final VolumeUpkeep upkeep;

  /** See {@link Volume} for what comes after it. */
  private final Object lock = new Object();

  /** What is at work needn't finish. */
  private volatile boolean ended;

  /**
   * @param root any of the volume's
   * @param pace hears how far a buffer is emptied
   */
  CheckpointWriter(
      StoreContext context,
      Root root,
      VolumeTop top,
      VolumeLog log,
      VolumeRuns runs,
      VolumeMerger merger,
      VolumeLogWriter logWriter,
      WritePace pace,
      VolumeUpkeep upkeep) {
    this.context = context;
    this.root = root;
    this.top = top;
    this.log = log;
    this.runs = runs;
    this.merger = merger;
    this.logWriter = logWriter;
    this.pace = pace;
    this.upkeep = upkeep;
  }

  /** Turns what the write buffer and the log hold into a run; returns when a root names it. */
  void checkpoint() throws IOException {
    boolean logged = root.durable() && logUnlessFailed();
    synchronized (lock) {
      boolean done;
      if (logged || !root.durable()) {
        done = writeRun(logged);
      } else {
        // Past the journal, which takes no more: no record must be on its way.
        synchronized (logWriter.lock) {
          done = false;
          while (writeRun(false)) {
            done = true;
          }
        }
      }
      if (!done) {
        return;
      }
    }
    upkeep.requestMerge();
  }

  private boolean logUnlessFailed() throws IOException {
    try {
      long _ = logWriter.append();
      return true;
    } catch (StorageException e) {
      synchronized (top.lock) {
        if (top.failure == null) {
          throw e;
        }
        return false;
      }
    }
  }

  /**
   * Writes a run and its root.
   *
   * @param logged whether the log has all, so that the buffer is left alone
   */
  private boolean writeRun(boolean logged) throws IOException {
    Layers layers = freeze(logged);
    if (layers == Layers.NONE) {
      return false;
    }
    boolean buffered = layers == Layers.LOG_AND_BUFFER;
    awaitFewRuns();
    try {
      VolumeLog.Frozen inLog;
      WriteBuffer buffer;
      long upTo;
      synchronized (top.lock) {
        inLog = log.frozen();
        buffer = buffered ? top.frozen : null;
        upTo = buffer == null ? inLog.sequence() : top.frozenSequence;
      }
      Cursor source =
          buffer == null ? inLog.sorted() : Cursor.overlay(paced(buffer), inLog.sorted());
      RunWriter.Finished finished;
      try (RunWriter writer =
          new RunWriter(
              context.catalog(), runs.epoch(), Dubtree.NEWEST_LEVEL, root.blocks(), Set.of())) {
        writer.addAll(source.until(() -> ended));
        finished = writer.finish();
      }
      runs.add(finished, upTo);
      context.maintenance().noSpace(null);
      thaw(buffered);
      return true;
    } catch (StorageException e) {
      if (ended) {
        return false;
      }
      refuse(e);
      throw e;
    } finally {
      pace.end();
    }
  }

  private Cursor paced(WriteBuffer buffer) {
    return pace.counting(buffer.cursor(), buffer.entryCount(), buffer.slotCount());
  }

  /** What a run is made of. */
  private enum Layers {
    NONE,
    LOG,
    LOG_AND_BUFFER
  }

  private Layers freeze(boolean logged) throws IOException {
    synchronized (top.lock) {
      if (top.closed) {
        return Layers.NONE;
      }
      boolean any = log.freeze();
      // An index that an earlier attempt failed at may have another between it and the buffer.
      if (!logged && !log.hasAboveFrozen() && top.freeze() != null) {
        return Layers.LOG_AND_BUFFER;
      }
      if (any) {
        return Layers.LOG;
      }
    }
    // Batches that recovery read before a checkpoint, and no index has.
    releaseJournal();
    return Layers.NONE;
  }

  private void awaitFewRuns() throws StorageException {
    if (hasFewRuns()) {
      return;
    }
    context.maintenance().awaitingMerge(1);
    try {
      while (!hasFewRuns()) {
        CountDownLatch change;
        synchronized (top.lock) {
          change = top.change();
        }
        upkeep.requestMerge();
        top.await(change, VolumeTop.WAIT_MILLIS);
      }
    } finally {
      context.maintenance().awaitingMerge(-1);
    }
  }

  private boolean hasFewRuns() {
    synchronized (top.lock) {
      return runs.ownRuns() < MAX_WAITING_RUNS || !merger.merges() || top.closed;
    }
  }

  private void thaw(boolean buffered) throws IOException {
    WriteBuffer emptied;
    synchronized (top.lock) {
      log.thaw();
      emptied = buffered ? top.frozen : null;
      if (emptied != null) {
        top.frozen = null;
      }
      top.changed();
    }
    if (emptied != null) {
      // After it has gone: nobody reads the slots any more.
      emptied.giveAll();
    }
    releaseJournal();
  }

  private void releaseJournal() throws IOException {
    if (root.durable()) {
      context.journal().release(root.volume(), runs.sequence());
    }
  }

  private void refuse(StorageException e) {
    if (e.kind() == Kind.NO_SPACE) {
      logWriter.giveUpSpares();
      context.maintenance().noSpace(e);
      upkeep.retryLater();
      synchronized (top.lock) {
        top.changed();
      }
    } else {
      top.fail(e);
    }
  }

  /** An image's root of what the runs have, between two checkpoints. */
  VolumeRuns.Snapshot snapshot() throws IOException {
    synchronized (lock) {
      synchronized (top.lock) {
        top.failIfClosed();
      }
      return runs.snapshot();
    }
  }

  /**
   * Ends the run that is on its way, without result, and returns when there is none and no record.
   * The volume must be closed.
   */
  void awaitEnd() {
    ended = true;
    synchronized (lock) {
      synchronized (logWriter.lock) {
        // Who has both is alone.
      }
    }
  }
}
