package io.bailey.volume;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What is done for a volume in the background: its parts ask for it here, each thing once at a
 * time, and {@link Maintenance} has a thread do it. Thread-safe.
 */
final class VolumeUpkeep {
  private static final System.Logger LOG = System.getLogger(VolumeUpkeep.class.getName());

  /** A volume that is written less than this in a while rests. */
  private static final long MAX_RESTING_BYTES = 1 << 20;

  /** What a volume that rests may leave in the journal; more is sorted into a run. */
  private static final long MAX_RESTING_LOG_BYTES = 64L << 20;

  private final StoreContext context;
  private final Volume volume;
  private final String name;
  private final boolean durable;
  private final VolumeTop top;
  private final VolumeLog log;
  private final AtomicBoolean checkpointRequested = new AtomicBoolean();
  private final AtomicBoolean makingRun = new AtomicBoolean();

  /** A run was asked for while one was being made. */
  private final AtomicBoolean runMissing = new AtomicBoolean();

  private final AtomicBoolean retryScheduled = new AtomicBoolean();
  private final AtomicBoolean sortRequested = new AtomicBoolean();
  private final AtomicBoolean mergeRequested = new AtomicBoolean();
  private final AtomicBoolean restCheckRequested = new AtomicBoolean();
  private volatile long writtenAtRestCheck;

  VolumeUpkeep(StoreContext context, Volume volume, Root root, VolumeTop top, VolumeLog log) {
    this.context = context;
    this.volume = volume;
    this.name = volume.name();
    this.durable = root.durable();
    this.top = top;
    this.log = log;
  }

  Volume volume() {
    return volume;
  }

  // What there is to do

  /**
   * The slots of a volume's buffers.
   *
   * @param leaving are soon free without being asked for
   * @param held {@link #requestRelief} would free
   */
  record Slots(int leaving, int held) {}

  Slots slots() {
    synchronized (top.lock) {
      if (top.failure != null) {
        return new Slots(0, 0);
      }
      return checkpointRequested.get()
          ? new Slots(top.slotCount(), 0)
          : new Slots(top.frozenSlots(), bufferedSlots());
    }
  }

  /** Slots of the buffer that takes writes, if it can be emptied now. */
  private int bufferedSlots() {
    synchronized (top.lock) {
      return (top.frozen != null && !durable) || top.failure != null ? 0 : top.active.slotCount();
    }
  }

  /** Slots that stay taken until the volume is removed or opened again. */
  int strandedSlots() {
    synchronized (top.lock) {
      return top.failure == null || top.closed ? 0 : top.slotCount();
    }
  }

  /** Slots that {@link #backgroundLog} would empty. */
  int unloggedSlots() {
    return durable ? bufferedSlots() : 0;
  }

  /** Whether what it has in the journal can leave it. */
  boolean canBeSorted() {
    synchronized (top.lock) {
      return top.failure == null && !top.closed;
    }
  }

  /** Bytes of memory that {@link #requestCheckpoint} would free. */
  long indexBytes() {
    synchronized (top.lock) {
      return log.memoryBytes();
    }
  }

  /** Blocks that have their newest bytes in the journal. */
  int loggedBlocks() {
    synchronized (top.lock) {
      return log.blockCount();
    }
  }

  private boolean isLogLong() {
    synchronized (top.lock) {
      return log.bytes() > MAX_RESTING_LOG_BYTES;
    }
  }

  // The write buffer and the log

  /** Appends what the buffer has to the journal, and has the disk begin with it. */
  void backgroundLog() {
    try {
      volume.journal();
      context.journal().writeOut();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "can''t log writes of {0} yet: {1}", name, e.getMessage());
    }
  }

  /** Empties the write buffer soon. */
  void requestRelief() {
    boolean known = !durable && runMissing.get();
    if (!known && checkpointRequested.compareAndSet(false, true)) {
      context.maintenance().checkpoint(this);
    }
  }

  /** Turns all that isn't in a run into one soon. */
  void requestCheckpoint() {
    sortRequested.set(true);
    requestRelief();
  }

  /** Empties it once more a second later: there was no space. */
  void retryLater() {
    if (retryScheduled.compareAndSet(false, true)) {
      context.maintenance().retry(this);
    }
  }

  void retry() {
    retryScheduled.set(false);
    requestRelief();
  }

  void backgroundCheckpoint() {
    checkpointRequested.set(false);
    boolean sort = sortRequested.getAndSet(false);
    if (durable && !sort) {
      empty(false);
    } else if (makingRun.compareAndSet(false, true)) {
      try {
        empty(sort);
      } finally {
        makingRun.set(false);
        goOn();
      }
    } else {
      // Who makes a run makes the next one too: waiting here, one volume would have both threads.
      sortRequested.compareAndSet(false, sort);
      runMissing.set(true);
      if (!makingRun.get()) {
        goOn();
      }
      if (durable) {
        empty(false);
      }
    }
  }

  private void goOn() {
    if (runMissing.getAndSet(false)) {
      requestRelief();
    }
  }

  /** Makes a run, or of a durable volume a record unless it is to be sorted. */
  private void empty(boolean sort) {
    try {
      if (durable && !sort) {
        volume.journal();
      } else {
        volume.checkpoint();
        int held = bufferedSlots();
        if (!durable && WritePace.isWorthEmptying(held, context.slotsToEmpty(held))) {
          requestRelief();
        }
      }
    } catch (StorageException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "can''t empty the write buffer of {0}: {1}",
          name,
          e.getMessage());
      if (e.kind() == Kind.NO_SPACE) {
        sortRequested.compareAndSet(false, sort);
        retryLater();
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.ERROR, "can't empty the write buffer of " + name, e);
      top.fail(new StorageException(Kind.IO, String.valueOf(e.getMessage()), e));
    }
  }

  // The runs

  /** Does what the merge policy asks for soon. */
  void requestMerge() {
    if (mergeRequested.compareAndSet(false, true)) {
      context.maintenance().merge(this);
    }
  }

  void backgroundMerge() {
    mergeRequested.set(false);
    try {
      volume.merge();
    } catch (IOException | RuntimeException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "can''t merge runs of {0}, and tries again later: {1}",
          name,
          e.getMessage());
    }
    synchronized (top.lock) {
      top.changed();
    }
    compactAtRest();
  }

  /** Has a log that is long sorted once the volume rests. */
  void sortAtRest() {
    if (isLogLong()) {
      compactAtRest();
    }
  }

  /** Has the runs made compact once the volume rests. */
  void compactAtRest() {
    if (restCheckRequested.compareAndSet(false, true)) {
      writtenAtRestCheck = volume.guestBytesWritten();
      context.maintenance().compactAtRest(this);
    }
  }

  void backgroundCompaction() {
    restCheckRequested.set(false);
    try {
      if (volume.guestBytesWritten() - writtenAtRestCheck > MAX_RESTING_BYTES) {
        compactAtRest();
      } else if (isLogLong()) {
        // Not here: it may wait for a merge, and this is the thread for those. One follows it.
        requestCheckpoint();
      } else if (context.chunks().deletes()
          && (context.maintenance().awaitsMerge() || !volume.compact())) {
        // Something is more urgent. Where nothing is deleted, copying would only take.
        compactAtRest();
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.WARNING, "can''t compact {0}: {1}", name, e.getMessage());
    }
  }
}
