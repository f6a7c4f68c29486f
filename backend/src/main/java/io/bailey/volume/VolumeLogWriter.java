package io.bailey.volume;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;

/** Appends what a durable volume's buffer has to the journal, in order. Thread-safe. */
final class VolumeLogWriter {
  private static final System.Logger LOG = System.getLogger(VolumeLogWriter.class.getName());

  /** Whoever has it alone makes records of the volume; {@link Volume} says what comes after it. */
  final Object lock = new Object();

  private final StoreContext context;
  private final VolumeTop top;
  private final VolumeLog log;
  private final VolumeRuns runs;
  private final VolumeUpkeep upkeep;

  /** Guarded by {@link #lock}. */
  private long position;

  VolumeLogWriter(
      StoreContext context, VolumeTop top, VolumeLog log, VolumeRuns runs, VolumeUpkeep upkeep) {
    this.context = context;
    this.top = top;
    this.log = log;
    this.runs = runs;
    this.upkeep = upkeep;
  }

  /** Returns when every write so far survives power loss. */
  void flush() throws IOException {
    long covering = append();
    try {
      context.journal().sync(covering);
    } catch (StorageException e) {
      top.fail(e);
      throw e;
    }
  }

  /** Appends what isn't in the journal yet; returns the position that covers every write so far. */
  long append() throws IOException {
    synchronized (lock) {
      boolean earlier;
      do {
        WriteBuffer source;
        long last;
        synchronized (top.lock) {
          top.failIfUnwritable();
          // One that an earlier attempt failed at comes first, and then what was written since.
          earlier = top.frozen != null;
          source = top.freeze();
          last = top.frozenSequence;
          top.recordNanos = System.nanoTime();
        }
        if (source == null) {
          break;
        }
        VolumeLog.Appended appended = append(source, last);
        position = appended.at().position();
        synchronized (top.lock) {
          log.apply(appended);
          source.giveAll();
          top.frozen = null;
          top.changed();
        }
        if (appended.at().newSegment()) {
          context.maintenance().shorten(context.journal(), context.indexMemory().startBytes());
        }
      } while (earlier);
      if (context.indexMemory().isLow()) {
        context.maintenance().relieveIndexes();
      }
      upkeep.sortAtRest();
      return position;
    }
  }

  private VolumeLog.Appended append(WriteBuffer source, long last) throws IOException {
    try {
      VolumeLog.Appended appended = log.append(source, last, runs.epoch());
      context.maintenance().noSpaceToLog(null);
      return appended;
    } catch (StorageException e) {
      if (e.kind() == Kind.NO_SPACE) {
        giveUpSpares();
        context.maintenance().noSpaceToLog(e);
        upkeep.retryLater();
      }
      if (e.kind() != Kind.NO_SPACE && e.kind() != Kind.CLOSED) {
        top.fail(e);
      }
      throw e;
    }
  }

  /** Has the journal give back what room it can: the disk is full. */
  void giveUpSpares() {
    try {
      context.journal().giveUpSpares();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "journal: {0}", e.getMessage());
    }
  }
}
