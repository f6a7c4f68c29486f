package io.bailey.volume;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.Epoch;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.MergePolicy;
import io.bailey.dubtree.Merger;
import io.bailey.dubtree.Run;
import io.bailey.dubtree.RunStack;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;

/**
 * The part of a volume that is on disk: its runs, and the root that names them. Thread-safe.
 *
 * <p>{@code lock} guards the stack and its numbers and is never held over I/O. {@code rootLock} is
 * held over I/O, and taken before it: whoever has it alone writes roots and replaces the stack.
 */
final class VolumeRuns {
  private final StoreContext context;
  private final String name;
  private final Root first;
  private final LongAdder bytesWritten = new LongAdder();

  private final Object mergeLock = new Object();
  private final Object rootLock = new Object();
  private final Object lock = new Object();

  private RunStack stack;
  private int ownRuns;
  private long sequence;
  private long generation;
  private boolean mergeFailed;

  /** The last merge found no space; the next may. */
  private volatile boolean mergeStuck;

  /** Read without the lock by merges. */
  private volatile boolean closed;

  /** Takes over the caller's reference to the stack. */
  VolumeRuns(StoreContext context, String name, Root root, RunStack stack) {
    this.context = context;
    this.name = name;
    this.first = root;
    this.stack = stack;
    this.ownRuns = root.ownRuns();
    this.sequence = root.sequence();
    this.generation = root.generation();
  }

  private boolean durable() {
    return first.durability() != Durability.NONE;
  }

  private long blocks() {
    return (first.size() + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
  }

  private Path rootDirectory() {
    return durable() ? context.durableRoots() : context.ephemeralRoots();
  }

  /** The present stack, retained for the caller. */
  RunStack retained() {
    synchronized (lock) {
      stack.retain();
      return stack;
    }
  }

  /** Whether no write has come into the runs since a stack was taken. */
  boolean isCurrent(RunStack seen) {
    synchronized (lock) {
      return stack == seen;
    }
  }

  /** Every write up to it is in the runs. */
  long sequence() {
    synchronized (lock) {
      return sequence;
    }
  }

  /** How many runs are the volume's own, and not its base's. */
  int ownRuns() {
    synchronized (lock) {
      return ownRuns;
    }
  }

  /** Bytes of chunks and roots written for this volume since it was opened. */
  long bytesWritten() {
    return bytesWritten.sum();
  }

  /** Writes the first root of a new volume. */
  void writeFirstRoot() throws IOException {
    synchronized (rootLock) {
      writeFresh(first);
      first.install(context.files(), rootDirectory(), name, durable());
    }
  }

  private void writeFresh(Root root) throws IOException {
    bytesWritten.add(
        root.writeFresh(
            context.files(), rootDirectory(), name, context.keys(), context.wrap(), durable()));
  }

  /** Adds what a write buffer held, with every write up to a sequence, on top. */
  void add(RunWriter.Finished batch, long upToSequence) throws IOException {
    replace(List.of(), batch, upToSequence);
  }

  /**
   * Puts a finished run in the place of old ones: chunks, then the root, then memory. Fails with
   * everything as it was, or, once the new root may be on disk, with the files of both kept.
   */
  private void replace(List<Run> old, RunWriter.Finished finished, long upToSequence)
      throws IOException {
    synchronized (rootLock) {
      RunStack next = stack.replacing(old, List.of(finished.run()));
      int own = ownRuns - old.size() + 1;
      Root root = root(next, own, Math.max(upToSequence, sequence));
      try {
        if (durable()) {
          context.chunks().sync(finished.fresh());
        }
        writeFresh(root);
      } catch (IOException e) {
        next.release();
        throw e;
      }
      root.install(context.files(), rootDirectory(), name, durable());
      finished.fresh().forEach(chunk -> bytesWritten.add(chunk.size()));
      RunStack previous;
      synchronized (lock) {
        previous = stack;
        stack = next;
        ownRuns = own;
        sequence = root.sequence();
        generation = root.generation();
      }
      previous.release();
    }
  }

  private Root root(RunStack of, int own, long itsSequence) {
    return new Root(
        first.volume(),
        first.size(),
        itsSequence,
        generation + 1,
        first.created(),
        first.durability(),
        first.from(),
        own,
        of.refs(),
        first.keyIds());
  }

  /**
   * Does what the merge policy asks for, until it asks for nothing. After a failure that isn't want
   * of space it does nothing any more: what can't be read can't be merged.
   */
  void merge(Epoch epoch) throws IOException {
    synchronized (mergeLock) {
      try {
        while (mergeOnce(epoch)) {
          // The next merge may have become due.
        }
        mergeStuck = false;
      } catch (StorageException e) {
        if (closed) {
          return;
        }
        if (e.kind() == Kind.NO_SPACE) {
          mergeStuck = true;
        } else {
          mergeFailed();
        }
        throw e;
      } catch (IOException | RuntimeException e) {
        mergeFailed();
        throw e;
      }
    }
  }

  private void mergeFailed() {
    synchronized (lock) {
      mergeFailed = true;
    }
  }

  /** Whether merges bring the number of runs down. */
  boolean merges() {
    synchronized (lock) {
      return !closed && !mergeFailed && !mergeStuck;
    }
  }

  private boolean mergeOnce(Epoch epoch) throws IOException {
    RunStack seen;
    int own;
    synchronized (lock) {
      if (closed || mergeFailed) {
        return false;
      }
      seen = retained();
      own = ownRuns;
    }
    try {
      List<MergePolicy.RunInfo> infos = new ArrayList<>();
      for (Run run : seen.runs().subList(0, own)) {
        infos.add(new MergePolicy.RunInfo(run.level(), run.liveBytes()));
      }
      Optional<MergePolicy.Merge> due = MergePolicy.choose(infos);
      if (due.isEmpty()) {
        return false;
      }
      List<Run> runs = seen.runs().subList(0, due.get().runs());
      boolean bottom = runs.size() == seen.runs().size();
      replace(
          runs,
          Merger.merge(
              context.catalog(), runs, due.get().level(), bottom, epoch, blocks(), () -> closed),
          0);
      return true;
    } finally {
      seen.release();
    }
  }

  /**
   * What a volume was at one moment.
   *
   * @param stack counted for the receiver
   */
  record Snapshot(Root root, RunStack stack) {}

  /** An image's root of the runs as they are, which survive power loss from now on. */
  Snapshot snapshot() throws IOException {
    RunStack seen;
    synchronized (lock) {
      seen = stack.fork();
    }
    try {
      List<Chunk> all = new ArrayList<>();
      for (Run run : seen.runs()) {
        all.addAll(run.allChunks());
      }
      context.chunks().sync(all);
    } catch (IOException e) {
      seen.release();
      throw e;
    }
    Root root =
        new Root(
            0,
            first.size(),
            0,
            1,
            Instant.now(),
            Durability.FLUSH,
            first.from(),
            0,
            seen.refs(),
            first.keyIds());
    return new Snapshot(root, seen);
  }

  /** Reads the tables of all runs, so that their chunks count as referred to. */
  void load() throws IOException {
    RunStack seen = retained();
    try {
      for (Run run : seen.runs()) {
        run.storedBytes();
      }
    } finally {
      seen.release();
    }
  }

  /** Stored bytes of the volume's own runs, by level. */
  List<Long> levelBytes() throws IOException {
    List<Long> levels = new ArrayList<>();
    RunStack seen;
    int own;
    synchronized (lock) {
      seen = retained();
      own = ownRuns;
    }
    try {
      for (Run run : seen.runs().subList(0, own)) {
        while (levels.size() <= run.level()) {
          levels.add(0L);
        }
        levels.set(run.level(), levels.get(run.level()) + run.storedBytes());
      }
    } finally {
      seen.release();
    }
    return levels;
  }

  /** Ends the merge that runs, without result, and begins none from now on. */
  void endMerges() {
    closed = true;
  }

  /** {@link #endMerges}, and waits for that. */
  void shut() {
    endMerges();
    synchronized (mergeLock) {
      mergeFailed();
    }
  }

  /** Deletes the root, and then what only it needs. The volume must be shut. */
  void delete() throws IOException {
    synchronized (rootLock) {
      context.files().delete(rootDirectory().resolve(name));
      if (durable()) {
        context.files().syncDirectory(rootDirectory());
      }
    }
    stack.release();
    Set.copyOf(first.keyIds()).forEach(context.keys()::release);
  }
}
