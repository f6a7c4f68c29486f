package io.bailey.volume;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.dubtree.Run;
import io.bailey.dubtree.RunStack;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The part of a volume that is on disk: its runs, and the root that names them. Thread-safe.
 *
 * <p>{@code lock} guards the stack and its numbers and is never held over I/O. {@code rootLock} is
 * held over I/O, and taken before it: whoever has it alone writes roots and replaces the stack.
 */
final class VolumeRuns {
  /** Keys above which a merge forgets those that no run needs. Each commit may add one. */
  private static final int MAX_UNNEEDED_KEYS = 64;

  private final StoreContext context;
  private final String name;
  private final Root first;
  private final LongAdder bytesWritten = new LongAdder();

  private final Object rootLock = new Object();
  private final Object lock = new Object();

  private RunStack stack;
  private int ownRuns;
  private long sequence;
  private long generation;

  /** The first is the one to seal with. */
  private List<DataKey.Id> keyIds;

  /** Begun when something is first sealed with the key. */
  private @Nullable Epoch epoch;

  /** Takes over the caller's reference to the stack. */
  VolumeRuns(StoreContext context, String name, Root root, RunStack stack) {
    this.context = context;
    this.name = name;
    this.first = root;
    this.stack = stack;
    this.ownRuns = root.ownRuns();
    this.sequence = root.sequence();
    this.generation = root.generation();
    this.keyIds = root.keyIds();
  }

  private Path rootDirectory() {
    return context.roots(first.durability());
  }

  /** The present stack, retained for the caller. */
  RunStack retained() {
    synchronized (lock) {
      stack.retain();
      return stack;
    }
  }

  /** Gives back a retained stack for who serves a client, and mustn't wait for files to go. */
  void giveBack(RunStack seen) {
    seen.release(context.maintenance()::delete);
  }

  /**
   * A stack and how many of its runs, the newest, are the volume's own and not its base's.
   *
   * @param stack counted for the receiver
   */
  record Own(RunStack stack, int count) {
    List<Run> runs() {
      return stack.runs().subList(0, count);
    }
  }

  /** The present stack, retained for the caller, with what of it is the volume's own. */
  Own retainedOwn() {
    synchronized (lock) {
      return new Own(retained(), ownRuns);
    }
  }

  /** The present stack, to be asked about with {@link #isCurrent} only. */
  RunStack current() {
    synchronized (lock) {
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

  /** The number of the root in force, or of the one before it. */
  long generation() {
    synchronized (lock) {
      return generation;
    }
  }

  /** How many runs are the volume's own. */
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
      first.install(context.files(), rootDirectory(), name, first.durable());
    }
  }

  private void writeFresh(Root root) throws IOException {
    bytesWritten.add(
        root.writeFresh(
            context.files(),
            rootDirectory(),
            name,
            context.keys(),
            context.wrap(),
            first.durable()));
  }

  /** Adds what a write buffer held, with every write up to a sequence, on top. */
  void add(RunWriter.Finished batch, long upToSequence) throws IOException {
    replace(List.of(), batch, upToSequence);
  }

  /**
   * Puts a finished run in the place of old ones: chunks, then the root, then memory. Fails with
   * everything as it was, or, once the new root may be on disk, with the files of both kept.
   */
  void replace(List<Run> old, RunWriter.Finished finished, long upToSequence) throws IOException {
    synchronized (rootLock) {
      RunStack next = stack.replacing(old, List.of(finished.run()));
      int own = ownRuns - old.size() + 1;
      Root root;
      try {
        // At the end of a merge nothing is being sealed with an earlier key.
        boolean many = !old.isEmpty() && keyIds.size() > MAX_UNNEEDED_KEYS;
        List<DataKey.Id> ids = many ? needed(next) : keyIds;
        root = root(next, own, Math.max(upToSequence, sequence), ids);
        if (first.durable()) {
          context.chunks().sync(finished.fresh());
        }
        writeFresh(root);
      } catch (IOException e) {
        next.release();
        throw e;
      }
      root.install(context.files(), rootDirectory(), name, first.durable());
      if (first.durable()) {
        context.anchor().saw(Anchor.place(StoreDirectory.VOLUMES, name), root);
      }
      finished.fresh().forEach(chunk -> bytesWritten.add(chunk.size()));
      RunStack previous;
      List<DataKey.Id> before;
      synchronized (lock) {
        previous = stack;
        stack = next;
        ownRuns = own;
        before = keyIds;
        keyIds = root.keyIds();
        sequence = root.sequence();
        generation = root.generation();
      }
      previous.release();
      before.stream().filter(id -> !root.keyIds().contains(id)).forEach(context.keys()::release);
    }
  }

  private List<DataKey.Id> needed(RunStack of) throws IOException {
    Set<DataKey.Id> ids = new LinkedHashSet<>();
    ids.add(keyIds.getFirst());
    for (Run run : of.runs()) {
      ids.addAll(run.keyIds());
    }
    return List.copyOf(ids);
  }

  /** What to seal with now. */
  Epoch epoch() throws StorageException {
    synchronized (lock) {
      Epoch present = epoch;
      if (present == null) {
        present = Epoch.begin(context.keys().get(keyIds.getFirst()));
        epoch = present;
      }
      return present;
    }
  }

  /** Seals with a key of its own from now on, which the root has when this returns. */
  private void renewKey() throws IOException {
    synchronized (rootLock) {
      DataKey key = DataKey.random();
      context.keys().add(key);
      List<DataKey.Id> ids = new ArrayList<>(List.of(key.id()));
      ids.addAll(keyIds);
      Root root = root(stack, ownRuns, sequence, List.copyOf(ids));
      try {
        writeFresh(root);
      } catch (IOException e) {
        context.keys().release(key.id());
        throw e;
      }
      root.install(context.files(), rootDirectory(), name, first.durable());
      synchronized (lock) {
        generation = root.generation();
        keyIds = root.keyIds();
        epoch = null;
      }
    }
  }

  private Root root(RunStack of, int own, long itsSequence, List<DataKey.Id> ids) {
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
        ids);
  }

  /**
   * What a volume was at one moment.
   *
   * @param root its keys are counted for the receiver
   * @param stack counted for the receiver
   */
  record Snapshot(Root root, RunStack stack) {
    void giveBack(KeyRing keys) throws IOException {
      root.keyIds().forEach(keys::release);
      stack.release();
    }
  }

  /**
   * An image's root of the runs as they are. The keys of these runs come to lie on disk with it, so
   * an ephemeral volume, whose key doesn't, goes on with another one: whoever calls this sees to it
   * that no run is being written meanwhile.
   */
  Snapshot snapshot() throws IOException {
    RunStack seen;
    List<DataKey.Id> ids;
    synchronized (lock) {
      seen = stack.fork();
      ids = keyIds;
      for (DataKey.Id id : ids) {
        context.keys().retain(id);
      }
    }
    Root root = Root.ofImage(first.size(), first.from(), seen.refs(), ids);
    Snapshot snapshot = new Snapshot(root, seen);
    if (!first.durable()) {
      try {
        renewKey();
      } catch (IOException e) {
        snapshot.giveBack(context.keys());
        throw e;
      }
    }
    return snapshot;
  }

  /** Makes what a snapshot has survive power loss. */
  void sync(Snapshot snapshot) throws IOException {
    List<Chunk> all = new ArrayList<>();
    for (Run run : snapshot.stack().runs()) {
      all.addAll(run.allChunks());
    }
    context.chunks().sync(all);
  }

  /** Reads the tables of all runs, so that their chunks count as referred to. */
  void load() throws IOException {
    RunStack seen = retained();
    try {
      long _ = seen.storedBytes();
    } finally {
      seen.release();
    }
  }

  /** Stored bytes of the volume's own runs, by level. */
  List<Long> levelBytes() throws IOException {
    List<Long> levels = new ArrayList<>();
    Own own = retainedOwn();
    try {
      for (Run run : own.runs()) {
        while (levels.size() <= run.level()) {
          levels.add(0L);
        }
        levels.set(run.level(), levels.get(run.level()) + run.storedBytes());
      }
    } finally {
      own.stack().release();
    }
    return levels;
  }

  /** Deletes the root; may be repeated. The volume must be shut. */
  void deleteRoot() throws IOException {
    synchronized (rootLock) {
      context.files().delete(rootDirectory().resolve(name));
      if (first.durable()) {
        context.files().syncDirectory(rootDirectory());
      }
    }
  }

  /** Lets go of what only the root needed. */
  void release() {
    stack.release();
    Set.copyOf(keyIds).forEach(context.keys()::release);
  }
}
