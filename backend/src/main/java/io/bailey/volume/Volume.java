package io.bailey.volume;

import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunStack;
import io.bailey.io.StorageException;
import io.bailey.journal.Batch;
import io.bailey.journal.Journal;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * A writable disk: a write buffer, over a log if it is durable, over a stack of runs. Thread-safe.
 *
 * <h2>The way of a write</h2>
 *
 * The bytes are copied into slots of the host's shared memory and published there, and with that
 * the write is done and outlives the process.
 *
 * <p>A durable volume's {@link #flush} freezes the buffer, a fresh one takes its place, seals the
 * frozen one into one record of the journal, enters that into the log's index, gives the slots back
 * and waits for a sync. When the journal or the index is long the index is frozen likewise and
 * becomes a sorted run and a root that names it.
 *
 * <p>An ephemeral volume has no log: its buffer becomes a run when it is full.
 *
 * <h2>What outlives a kill at any point</h2>
 *
 * The slots are given back when the record is in the host's page cache and the index has it. The
 * next process reads the journal first and then takes the slots that are newer than all of it. In
 * between there may be slots that the journal has as well: a slot for a range of zeros may be older
 * than a value that only the journal has any more, so what the journal covers is dropped.
 *
 * <h2>Locks</h2>
 *
 * In the order in which they are taken; who has a later one takes no earlier one:
 *
 * <ol>
 *   <li>of {@link StoreNames}: images and volumes come and go
 *   <li>of {@link CheckpointWriter}: one run of buffer and log at a time
 *   <li>of {@link VolumeLogWriter}: the records of the volume, in order
 *   <li>of the roots, in {@link VolumeRuns}; taken too by who has that of {@link VolumeMerger} (one
 *       merge at a time), with which neither of the two above is held
 *   <li>of {@link VolumeTop}: the buffers, the log's index and the numbers
 *   <li>of the stack, in {@link VolumeRuns}
 * </ol>
 *
 * The first four and the merger's are held over I/O, the last two never are, but for the making of
 * a slab of memory where none was made ahead. With one of a volume nobody asks another volume: each
 * may wait for what the other has.
 */
public final class Volume implements BlockDevice {
  private static final System.Logger LOG = System.getLogger(Volume.class.getName());

  /** What a write that must not wait may have. */
  private static final int MAX_TRIED_BYTES = VolumeWriter.MAX_STEP_BLOCKS * Dubtree.BLOCK_BYTES / 2;

  private final StoreContext context;
  private final String name;

  /** Its first since the store was opened, for what all its roots have in common. */
  private final Root root;

  private final VolumeRuns runs;
  private final VolumeMerger merger;

  /** The part in the journal; an ephemeral volume's stays empty. */
  private final VolumeLog log;

  private final VolumeTop top;
  private final VolumeUpkeep upkeep;
  private final VolumeLogWriter logWriter;
  private final CheckpointWriter checkpoints;
  private final VolumeReader reader;
  private final VolumeWriter writer;
  private final ReadAhead readAhead = new ReadAhead();

  Volume(StoreContext context, String name, Root root, RunStack stack) {
    this.context = context;
    this.name = name;
    this.root = root;
    this.runs = new VolumeRuns(context, name, root, stack);
    this.merger = new VolumeMerger(context, runs, root.blocks());
    this.log = new VolumeLog(context, name, root);
    this.top = new VolumeTop(context, name, root, log);
    this.upkeep = new VolumeUpkeep(context, this, root, top, log);
    this.logWriter = new VolumeLogWriter(context, top, log, runs, upkeep);
    WritePace pace = new WritePace(context.pool());
    this.checkpoints =
        new CheckpointWriter(context, root, top, log, runs, merger, logWriter, pace, upkeep);
    this.reader = new VolumeReader(name, top, log, runs);
    this.writer = new VolumeWriter(context, name, root, top, reader, runs, pace, logWriter, upkeep);
  }

  public String name() {
    return name;
  }

  /** The image it was forked from, if any. */
  public Optional<ImageName> from() {
    return root.from();
  }

  public Durability durability() {
    return root.durability();
  }

  public Instant created() {
    return root.created();
  }

  @Override
  public long size() {
    return root.size();
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  long id() {
    return root.volume();
  }

  VolumeUpkeep upkeep() {
    return upkeep;
  }

  long guestBytesWritten() {
    return writer.guestBytesWritten();
  }

  // Reading

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    if (!reader.read(offset, MemorySegment.ofArray(dst), dstOffset, length, false)) {
      throw new IllegalStateException("a read that may wait did not");
    }
    readAhead(offset, length);
  }

  @Override
  public boolean tryRead(long offset, MemorySegment dst, long dstOffset, int length)
      throws IOException {
    boolean done = reader.read(offset, dst, dstOffset, length, true);
    if (done) {
      readAhead(offset, length);
    }
    return done;
  }

  private void readAhead(long offset, int length) {
    ReadAhead.Range next = readAhead.read(offset, length);
    long rest = Math.min(next.length(), root.size() - next.offset());
    if (rest > 0) {
      prefetch(next.offset(), rest);
    }
  }

  @Override
  public void prefetch(long offset, long length) {
    context.maintenance().prefetch(() -> reader.readAway(offset, length));
  }

  @Override
  public void extents(long offset, long length, ExtentVisitor visitor) throws IOException {
    reader.extents(offset, length, visitor);
  }

  // Writing

  @Override
  public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
    writer.put(offset, MemorySegment.ofArray(src), srcOffset, length, true);
    flushIfEveryWrite();
  }

  @Override
  public boolean tryWrite(long offset, MemorySegment src, long srcOffset, int length)
      throws IOException {
    return root.durability() != Durability.EVERY_WRITE
        && length <= MAX_TRIED_BYTES
        && writer.put(offset, src, srcOffset, length, false);
  }

  @Override
  public void trim(long offset, long length) throws IOException {
    writer.trim(offset, length);
    flushIfEveryWrite();
  }

  @Override
  public void zero(long offset, long length, boolean allocate) throws IOException {
    writer.zero(offset, length);
    flushIfEveryWrite();
  }

  private void flushIfEveryWrite() throws IOException {
    if (root.durability() == Durability.EVERY_WRITE) {
      flush();
    }
  }

  // Durability

  @Override
  public boolean flushWaits() {
    return root.durable();
  }

  @Override
  public void flush() throws IOException {
    if (root.durable()) {
      logWriter.flush();
    }
  }

  /** Appends what isn't in the journal yet. */
  void journal() throws IOException {
    long _ = logWriter.append();
  }

  // Checkpoints and merges

  /** Turns what the write buffer and the log hold into a run; returns when a root names it. */
  void checkpoint() throws IOException {
    checkpoints.checkpoint();
  }

  /** Does what the merge policy asks for. */
  void merge() throws IOException {
    boolean _ = merger.merge(false);
  }

  /**
   * Gives back what garbage takes, as far as the merge policy finds it worth it; false if it was
   * ended by what is more urgent.
   */
  boolean compact() throws IOException {
    return merger.merge(true);
  }

  /** Turns all that the buffers hold into runs, also what an earlier checkpoint failed at. */
  void empty() throws IOException {
    checkpoint();
    checkpoint();
  }

  /** Empties the buffer, and makes an image's root of what the volume is then. */
  VolumeRuns.Snapshot commit() throws IOException {
    empty();
    VolumeRuns.Snapshot snapshot = checkpoints.snapshot();
    try {
      runs.sync(snapshot);
    } catch (IOException e) {
      snapshot.giveBack(context.keys());
      throw e;
    }
    return snapshot;
  }

  // Recovery and end

  /** Takes a batch of the journal in, in the order of the log; returns whether it is needed. */
  boolean adopt(Batch batch) throws StorageException {
    synchronized (top.lock) {
      boolean needed = root.durable() && log.adopt(batch);
      top.sequence = Math.max(top.sequence, log.sequence());
      return needed;
    }
  }

  /** Hears that a batch of the journal is missing, which may have been this volume's. */
  void missing(Journal.Missing missing) {
    if (root.durable()) {
      log.missing(missing);
    }
  }

  /** Why the volume can't be served, once all of the journal has been read. */
  Optional<StorageException> damage() {
    return Optional.ofNullable(log.damage());
  }

  /** Ends its work and leaves memory to others: the volume isn't served. */
  void leaveOut() {
    endMerges();
    shut();
    synchronized (top.lock) {
      log.endCharges();
    }
  }

  /** Takes back a slot that an earlier process published; see {@link VolumeTop#adopt}. */
  void adopt(int place, long itsSequence, long block, long zeroBlocks) {
    top.adopt(place, itsSequence, block, zeroBlocks);
  }

  /** What it has on disk, with its stack retained for the caller. */
  CheckSubject.Held held(BooleanSupplier present) {
    long generation = runs.generation();
    return new CheckSubject.Held(
        root.size(),
        runs.retained(),
        found -> {
          if (found.volume() != id()) {
            return Optional.of("root of " + name + " is another volume's");
          }
          return found.generation() >= generation
              ? Optional.empty()
              : Optional.of(
                  "root of %s was replaced by an older one: it is number %d, and %d was written"
                      .formatted(name, found.generation(), generation));
        },
        present);
  }

  /** Reads the tables of all runs, so that their chunks count as referred to. */
  void loadRuns() throws IOException {
    runs.load();
  }

  /** What the volume holds where, and what was done for it. */
  public VolumeStats stats() {
    long buffered;
    long journalBytes;
    synchronized (top.lock) {
      journalBytes = log.bytes();
      WriteBuffer below = top.frozen;
      buffered = (long) top.active.slotCount() + (below == null ? 0 : below.slotCount());
    }
    List<Long> levels = List.of();
    try {
      levels = runs.levelBytes();
    } catch (IllegalStateException e) {
      // It was removed meanwhile.
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "a run of {0}: {1}", name, e.getMessage());
    }
    return new VolumeStats(
        buffered << Dubtree.BLOCK_SHIFT,
        journalBytes,
        levels,
        writer.guestBytesWritten(),
        log.bytesWritten() + runs.bytesWritten(),
        reader.readsFromBuffer(),
        reader.counters().cached().sum(),
        reader.counters().disk().sum(),
        reader.counters().holes().sum(),
        reader.damaged());
  }

  /** Writes the first root of a new volume. */
  void writeFirstRoot() throws IOException {
    runs.writeFirstRoot();
  }

  /** Ends merges, so that a store that closes needn't wait for them. */
  void endMerges() {
    merger.end();
  }

  /** Refuses requests from now on and waits for background work; the buffer is kept. */
  void shut() {
    synchronized (top.lock) {
      top.closed = true;
      top.changed();
    }
    merger.shut();
    checkpoints.awaitEnd();
  }

  /** Slots that a volume that is {@link #shut} holds until it is released. */
  int heldSlots() {
    synchronized (top.lock) {
      return top.slotCount();
    }
  }

  /** Deletes the root of a volume that is {@link #shut}; may be repeated. */
  void deleteRoot() throws IOException {
    runs.deleteRoot();
  }

  /** Lets go of all that only the root needed, which is deleted. */
  void release() throws IOException {
    runs.release();
    synchronized (top.lock) {
      top.active.giveAll();
      if (top.frozen != null) {
        top.frozen.giveAll();
        top.frozen = null;
      }
      log.endCharges();
    }
    context.journal().release(id(), Long.MAX_VALUE);
  }
}
