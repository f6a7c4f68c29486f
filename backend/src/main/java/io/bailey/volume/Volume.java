package io.bailey.volume;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunStack;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.journal.Batch;
import io.bailey.journal.BatchWriter;
import io.bailey.journal.Journal;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A writable disk: a write buffer over a stack of runs. Thread-safe.
 *
 * <h2>The way of a write</h2>
 *
 * The bytes are copied into slots of the host's shared memory and published there, and with that
 * the write is done and outlives the process. A durable volume's {@link #flush} seals what was
 * written since the last one into one record of the journal and waits for a sync. A buffer that is
 * full is frozen, a fresh one takes its place, and in the background the frozen one becomes a
 * sorted run, a root that names it, and free slots.
 *
 * <h2>Locks</h2>
 *
 * {@code lock} guards the buffers and the numbers; it is never held over I/O. {@code
 * checkpointLock} (one checkpoint at a time) and {@code journalLock} (the records of the volume in
 * order) are held over I/O and taken before it. The runs have locks of their own.
 */
public final class Volume implements BlockDevice {
  private static final System.Logger LOG = System.getLogger(Volume.class.getName());

  /** Blocks that one step of a long write takes. */
  private static final int MAX_STEP_BLOCKS = 256;

  /** Blocks written since the last record that make a durable volume write one. */
  private static final int MAX_UNJOURNALED = 256;

  /** Runs of level 0 at which checkpoints wait for merges. */
  private static final int MAX_WAITING_RUNS = 16;

  private static final long WAIT_MILLIS = 5;

  /** What one prefetch brings into the cache at most. */
  private static final long MAX_PREFETCH_BYTES = 64L << 20;

  /** Segments of the journal beyond which the volumes that need the oldest are emptied. */
  private static final int JOURNAL_SEGMENTS_ALLOWED = 8;

  private final StoreContext context;
  private final String name;
  private final long id;
  private final long size;
  private final Durability durability;
  private final Optional<ImageName> from;
  private final Instant created;
  private final List<DataKey.Id> keyIds;
  private final VolumeRuns runs;
  private final RunStack.Counters reads = new RunStack.Counters();
  private final LongAdder readsFromBuffer = new LongAdder();
  private final LongAdder guestBytesWritten = new LongAdder();
  private final LongAdder journalBytesWritten = new LongAdder();
  private final AtomicBoolean checkpointRequested = new AtomicBoolean();
  private final AtomicBoolean mergeRequested = new AtomicBoolean();

  private final Object checkpointLock = new Object();
  private final Object journalLock = new Object();
  private final Object lock = new Object();

  private WriteBuffer active;
  private @Nullable WriteBuffer frozen;
  private long sequence;
  private long frozenSequence;
  private final SlotList unjournaled = new SlotList();
  private @Nullable StorageException failure;
  private boolean closed;

  /** Guarded by {@code journalLock}. */
  private long journalPosition;

  /** Records of the journal that the runs don't cover yet. */
  private final ArrayDeque<JournalRecord> journaled = new ArrayDeque<>();

  private record JournalRecord(long lastSequence, int bytes) {}

  /** Derived when something is first sealed. Guarded by {@code this}. */
  private @Nullable Epoch epoch;

  Volume(StoreContext context, String name, Root root, RunStack stack) {
    this.context = context;
    this.name = name;
    this.id = root.volume();
    this.size = root.size();
    this.durability = root.durability();
    this.from = root.from();
    this.created = root.created();
    this.keyIds = root.keyIds();
    this.runs = new VolumeRuns(context, name, root, stack);
    this.sequence = root.sequence();
    this.active = new WriteBuffer(context.pool());
  }

  public String name() {
    return name;
  }

  /** The image it was forked from, if any. */
  public Optional<ImageName> from() {
    return from;
  }

  public Durability durability() {
    return durability;
  }

  public Instant created() {
    return created;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  long id() {
    return id;
  }

  List<DataKey.Id> keyIds() {
    return keyIds;
  }

  private boolean durable() {
    return durability != Durability.NONE;
  }

  private long blocks() {
    return (size + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
  }

  // Reading

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    if (!read(offset, dst, dstOffset, length, false)) {
      throw new IllegalStateException("a read that may wait did not");
    }
  }

  @Override
  public boolean tryRead(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    return read(offset, dst, dstOffset, length, true);
  }

  private boolean read(long offset, byte[] dst, int dstOffset, int length, boolean cachedOnly)
      throws IOException {
    if (length == 0) {
      return true;
    }
    long first = offset >>> Dubtree.BLOCK_SHIFT;
    int blocks = (int) (((offset + length - 1) >>> Dubtree.BLOCK_SHIFT) - first) + 1;
    int head = (int) (offset & (Dubtree.BLOCK_BYTES - 1));
    if (head == 0 && length == blocks * Dubtree.BLOCK_BYTES) {
      return readBlocks(first, blocks, dst, dstOffset, cachedOnly);
    }
    byte[] whole = new byte[blocks * Dubtree.BLOCK_BYTES];
    if (!readBlocks(first, blocks, whole, 0, cachedOnly)) {
      return false;
    }
    System.arraycopy(whole, head, dst, dstOffset, length);
    return true;
  }

  private boolean readBlocks(long first, int blocks, byte[] dst, int at, boolean cachedOnly)
      throws IOException {
    int[] gaps = new int[8];
    int gapEnds = 0;
    RunStack below;
    synchronized (lock) {
      failIfClosed();
      for (int i = 0; i < blocks; i++) {
        if (!readBuffered(first + i, dst, at + i * Dubtree.BLOCK_BYTES)) {
          if (gapEnds > 0 && gaps[gapEnds - 1] == i) {
            gaps[gapEnds - 1] = i + 1;
          } else {
            if (gapEnds == gaps.length) {
              gaps = Arrays.copyOf(gaps, 2 * gaps.length);
            }
            gaps[gapEnds++] = i;
            gaps[gapEnds++] = i + 1;
          }
        }
      }
      if (gapEnds == 0) {
        readsFromBuffer.add(blocks);
        return true;
      }
      below = runs.retained();
    }
    int missing = 0;
    try {
      for (int i = 0; i < gapEnds; i += 2) {
        int count = gaps[i + 1] - gaps[i];
        int to = at + gaps[i] * Dubtree.BLOCK_BYTES;
        missing += count;
        if (!below.read(first + gaps[i], count, dst, to, cachedOnly, reads)) {
          return false;
        }
      }
    } finally {
      below.release();
    }
    readsFromBuffer.add(blocks - missing);
    return true;
  }

  /** Copies a block that is in a buffer. Under the lock. */
  private boolean readBuffered(long block, byte[] dst, int at) {
    return readFrom(active, block, dst, at) || (frozen != null && readFrom(frozen, block, dst, at));
  }

  private boolean readFrom(WriteBuffer buffer, long block, byte[] dst, int at) {
    int slot = buffer.slot(block);
    if (slot != LongIntMap.NONE) {
      context.pool().copy(slot, 0, dst, at, Dubtree.BLOCK_BYTES);
      return true;
    }
    if (buffer.isZero(block)) {
      Arrays.fill(dst, at, at + Dubtree.BLOCK_BYTES, (byte) 0);
      return true;
    }
    return false;
  }

  @Override
  public void prefetch(long offset, long length) {
    context.maintenance().prefetch(() -> readAway(offset, Math.min(length, MAX_PREFETCH_BYTES)));
  }

  /** Reads a range for the cache's sake. */
  private void readAway(long offset, long length) {
    byte[] piece = new byte[(int) Math.min(length, 1 << 20)];
    try {
      for (long at = 0; at < length; at += piece.length) {
        read(offset + at, piece, 0, (int) Math.min(piece.length, length - at));
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "prefetch of {0}: {1}", name, e.getMessage());
    }
  }

  @Override
  public void extents(long offset, long length, ExtentVisitor visitor) throws IOException {
    long first = offset >>> Dubtree.BLOCK_SHIFT;
    long end = ((offset + length - 1) >>> Dubtree.BLOCK_SHIFT) + 1;
    RunStack below;
    ExtentMap map = new ExtentMap(offset, offset + length, visitor);
    List<long[]> buffered = new ArrayList<>();
    synchronized (lock) {
      failIfClosed();
      bufferedPieces(first, end, buffered);
      below = runs.retained();
    }
    try {
      long at = first;
      for (long[] piece : buffered) {
        if (piece[0] > at) {
          below.extents(at, piece[0] - at, map);
        }
        if (!map.extent(piece[0], piece[1], piece[2] != 0)) {
          return;
        }
        at = piece[1];
      }
      if (at < end) {
        below.extents(at, end - at, map);
      }
    } finally {
      below.release();
    }
    map.finish();
  }

  /** Lists what the buffers have of a range: first block, end, 1 for data. Under the lock. */
  private void bufferedPieces(long first, long end, List<long[]> pieces) {
    List<long[]> newest = active.pieces(first, end);
    WriteBuffer below = frozen;
    if (below == null) {
      pieces.addAll(newest);
      return;
    }
    long at = first;
    for (long[] piece : newest) {
      if (piece[0] > at) {
        pieces.addAll(below.pieces(at, piece[0]));
      }
      pieces.add(piece);
      at = piece[1];
    }
    if (at < end) {
      pieces.addAll(below.pieces(at, end));
    }
  }

  // Writing

  @Override
  public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
    put(offset, src, srcOffset, length, true);
    if (durability == Durability.EVERY_WRITE) {
      flush();
    }
  }

  @Override
  public boolean tryWrite(long offset, byte[] src, int srcOffset, int length) throws IOException {
    return durability != Durability.EVERY_WRITE
        && length <= MAX_STEP_BLOCKS * Dubtree.BLOCK_BYTES / 2
        && put(offset, src, srcOffset, length, false);
  }

  private boolean put(long offset, byte[] src, int srcOffset, int length, boolean wait)
      throws IOException {
    long at = offset;
    int from = srcOffset;
    long end = offset + length;
    boolean partial = ((at | end) & (Dubtree.BLOCK_BYTES - 1)) != 0;
    if (partial && !wait && (at >>> Dubtree.BLOCK_SHIFT) != ((end - 1) >>> Dubtree.BLOCK_SHIFT)) {
      // All or nothing without waiting is simple for one block, or for whole ones.
      return false;
    }
    while (at < end) {
      int inBlock = (int) (at & (Dubtree.BLOCK_BYTES - 1));
      int step;
      if (inBlock != 0 || end - at < Dubtree.BLOCK_BYTES) {
        step = (int) Math.min(Dubtree.BLOCK_BYTES - inBlock, end - at);
        if (!putPart(at >>> Dubtree.BLOCK_SHIFT, inBlock, src, from, step, wait)) {
          return false;
        }
      } else {
        int blocks = (int) Math.min(MAX_STEP_BLOCKS, (end - at) >>> Dubtree.BLOCK_SHIFT);
        step = blocks * Dubtree.BLOCK_BYTES;
        if (!putBlocks(at >>> Dubtree.BLOCK_SHIFT, blocks, src, from, wait)) {
          return false;
        }
      }
      at += step;
      from += step;
    }
    guestBytesWritten.add(length);
    return true;
  }

  private boolean putBlocks(long first, int blocks, byte[] src, int from, boolean wait)
      throws IOException {
    int[] slots = new int[blocks];
    if (!takeSlots(blocks, slots, wait)) {
      return false;
    }
    for (int i = 0; i < blocks; i++) {
      context.pool().fill(slots[i], src, from + i * Dubtree.BLOCK_BYTES);
    }
    synchronized (lock) {
      giveBackIfClosed(slots);
      for (int i = 0; i < blocks; i++) {
        publish(first + i, slots[i]);
      }
    }
    return true;
  }

  private boolean putPart(long block, int at, byte[] src, int from, int length, boolean wait)
      throws IOException {
    byte[] whole = new byte[Dubtree.BLOCK_BYTES];
    int[] slot = new int[1];
    if (!takeSlots(1, slot, wait)) {
      return false;
    }
    boolean done = false;
    try {
      while (!done) {
        RunStack below = belowUnlessBuffered(block, whole);
        if (below != null) {
          try {
            if (!below.read(block, 1, whole, 0, !wait, reads)) {
              return false;
            }
          } finally {
            below.release();
          }
        }
        done = patch(block, below, whole, slot[0], at, src, from, length);
      }
      return true;
    } finally {
      if (!done) {
        context.pool().giveUnused(slot, 0, 1);
      }
    }
  }

  /** The stack that has a block's bytes, retained; null, and they are copied, if a buffer does. */
  private @Nullable RunStack belowUnlessBuffered(long block, byte[] whole) throws IOException {
    synchronized (lock) {
      failIfClosed();
      if (readBuffered(block, whole, 0)) {
        return null;
      }
      return runs.retained();
    }
  }

  /** Publishes a block of which part is new, unless its old bytes moved on since they were read. */
  private boolean patch(
      long block,
      @Nullable RunStack readFrom,
      byte[] whole,
      int slot,
      int at,
      byte[] src,
      int from,
      int length)
      throws IOException {
    synchronized (lock) {
      failIfClosed();
      if (!readBuffered(block, whole, 0) && (readFrom == null || !runs.isCurrent(readFrom))) {
        return false;
      }
      context.pool().fill(slot, whole, 0);
      context.pool().patch(slot, at, src, from, length);
      publish(block, slot);
      return true;
    }
  }

  /** Under the lock. */
  private void publish(long block, int slot) {
    context.pool().publish(slot, ++sequence, id, block, 0);
    active.put(block, slot);
    if (durable()) {
      unjournaled.add(slot, sequence);
    }
  }

  /** Takes slots once the volume and the host have room for them. */
  private boolean takeSlots(int count, int[] slots, boolean wait) throws IOException {
    while (true) {
      synchronized (lock) {
        failIfUnwritable();
        boolean full = active.slotCount() >= context.bufferSlots();
        if (full) {
          requestCheckpoint();
        }
        boolean behind = unjournaled.size() >= MAX_UNJOURNALED;
        if (!(full && frozen != null) && !behind && context.pool().take(count, slots)) {
          relieveIfLow();
          return true;
        }
        if (!wait) {
          return false;
        }
        if (!behind) {
          failIfOutOfSpace();
          context.maintenance().relieve();
          awaitChange();
          continue;
        }
      }
      journal();
    }
  }

  /** Waits a little, or until background work is done. Under the lock. */
  @SuppressWarnings("WaitNotInLoop") // Each caller loops.
  private void awaitChange() throws StorageException {
    try {
      lock.wait(WAIT_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException(Kind.IO, "waiting for room in " + name + " was interrupted", e);
    }
  }

  private void relieveIfLow() {
    if (context.pool().available() < context.pool().capacity() / 4) {
      context.maintenance().relieve();
    }
  }

  @Override
  public void trim(long offset, long length) throws IOException {
    long first = (offset + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
    boolean toEnd = offset + length == size;
    long end = toEnd ? blocks() : (offset + length) >>> Dubtree.BLOCK_SHIFT;
    if (end > first) {
      putZeros(first, end - first);
    }
  }

  @Override
  public void zero(long offset, long length, boolean allocate) throws IOException {
    byte[] zeros = new byte[Dubtree.BLOCK_BYTES];
    long end = offset + length;
    long firstWhole = (offset + Dubtree.BLOCK_BYTES - 1) & -Dubtree.BLOCK_BYTES;
    long head = Math.min(firstWhole, end) - offset;
    if (head > 0) {
      put(offset, zeros, 0, (int) head, true);
    }
    long lastWhole = end == size ? blocks() << Dubtree.BLOCK_SHIFT : end & -Dubtree.BLOCK_BYTES;
    if (lastWhole > firstWhole) {
      putZeros(
          firstWhole >>> Dubtree.BLOCK_SHIFT, (lastWhole - firstWhole) >>> Dubtree.BLOCK_SHIFT);
    }
    if (end > lastWhole && lastWhole >= firstWhole) {
      put(lastWhole, zeros, 0, (int) (end - lastWhole), true);
    }
    if (durability == Durability.EVERY_WRITE) {
      flush();
    }
  }

  private void putZeros(long first, long count) throws IOException {
    int[] slot = new int[1];
    takeSlots(1, slot, true);
    synchronized (lock) {
      giveBackIfClosed(slot);
      context.pool().publish(slot[0], ++sequence, id, first, count);
      active.putZeros(first, count, slot[0]);
      if (durable()) {
        unjournaled.add(slot[0], sequence);
      }
    }
  }

  private void giveBackIfClosed(int[] slots) throws StorageException {
    if (closed) {
      context.pool().giveUnused(slots, 0, slots.length);
      failIfClosed();
    }
  }

  private void failIfClosed() throws StorageException {
    if (closed) {
      throw new StorageException(Kind.CLOSED, "volume " + name + " is closed");
    }
  }

  private void failIfUnwritable() throws StorageException {
    failIfClosed();
    if (failure != null) {
      throw new StorageException(
          Kind.READ_ONLY,
          "volume " + name + " takes no writes since: " + failure.getMessage(),
          failure);
    }
  }

  /** Refuses to wait for room that won't come while the disk is full. */
  private void failIfOutOfSpace() throws StorageException {
    StorageException full = context.maintenance().noSpace();
    if (full != null) {
      throw new StorageException(Kind.NO_SPACE, "volume " + name + ": " + full.getMessage(), full);
    }
  }

  // Durability

  @Override
  public boolean flushWaits() {
    return durable();
  }

  @Override
  public void flush() throws IOException {
    if (durable()) {
      long position = journal();
      try {
        context.journal().sync(position);
      } catch (StorageException e) {
        fail(e);
        throw e;
      }
    }
  }

  /** Appends what isn't in the journal yet; returns the position that covers every write so far. */
  private long journal() throws IOException {
    synchronized (journalLock) {
      StagedWrites staged;
      long last;
      synchronized (lock) {
        failIfClosed();
        if (failure != null) {
          failIfUnwritable();
        }
        staged = StagedWrites.take(context.pool(), id, unjournaled);
        last = sequence;
      }
      BatchWriter batch = new BatchWriter(id, epoch());
      staged.addTo(batch);
      if (!batch.isEmpty()) {
        try {
          Journal.Appended appended = context.journal().append(id, batch, last);
          journalPosition = appended.position();
          synchronized (lock) {
            journaled.add(new JournalRecord(last, appended.bytes()));
          }
          journalBytesWritten.add(appended.bytes());
          if (appended.newSegment()) {
            context.maintenance().release(context.journal().holdingBack(JOURNAL_SEGMENTS_ALLOWED));
          }
        } catch (IOException e) {
          synchronized (lock) {
            unjournaled.putBack(staged);
          }
          throw e;
        }
      }
      return journalPosition;
    }
  }

  private synchronized Epoch epoch() throws StorageException {
    Epoch present = epoch;
    if (present == null) {
      present = Epoch.begin(context.keys().get(keyIds.getFirst()));
      epoch = present;
    }
    return present;
  }

  private void fail(StorageException cause) {
    synchronized (lock) {
      if (failure == null && !closed) {
        failure = cause;
        LOG.log(
            System.Logger.Level.ERROR,
            "volume {0} takes no more writes: {1}",
            name,
            cause.getMessage());
      }
      lock.notifyAll();
    }
  }

  // Checkpoints and merges

  int bufferedSlots() {
    synchronized (lock) {
      return frozen != null ? 0 : active.slotCount();
    }
  }

  void requestCheckpoint() {
    if (checkpointRequested.compareAndSet(false, true)) {
      context.maintenance().checkpoint(this);
    }
  }

  void backgroundCheckpoint() {
    checkpointRequested.set(false);
    try {
      checkpoint();
    } catch (StorageException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "can''t empty the write buffer of {0}: {1}",
          name,
          e.getMessage());
      if (e.kind() == Kind.NO_SPACE) {
        context.maintenance().retryCheckpoint(this);
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.ERROR, "can't empty the write buffer of " + name, e);
      fail(new StorageException(Kind.IO, String.valueOf(e.getMessage()), e));
    }
  }

  /** Turns what the write buffer holds into a run, and returns when a root names it. */
  void checkpoint() throws IOException {
    synchronized (checkpointLock) {
      WriteBuffer source = freeze();
      if (source == null) {
        return;
      }
      awaitFewRuns();
      try {
        RunWriter.Finished finished;
        try (RunWriter writer =
            new RunWriter(context.catalog(), epoch(), Dubtree.NEWEST_LEVEL, blocks(), Set.of())) {
          writer.addAll(source.cursor());
          finished = writer.finish();
        }
        runs.add(finished, frozenSequence);
        context.maintenance().noSpace(null);
        thaw(source);
      } catch (StorageException e) {
        refuse(e);
        throw e;
      }
    }
    requestMerge();
  }

  private @Nullable WriteBuffer freeze() {
    synchronized (lock) {
      if (frozen == null && !closed && !active.isEmpty()) {
        frozen = active;
        frozenSequence = sequence;
        active = new WriteBuffer(context.pool());
        lock.notifyAll();
      }
      return closed ? null : frozen;
    }
  }

  private void thaw(WriteBuffer source) throws IOException {
    synchronized (lock) {
      source.giveAll();
      frozen = null;
      journaled.removeIf(batch -> batch.lastSequence <= frozenSequence);
      lock.notifyAll();
    }
    if (durable()) {
      context.journal().release(id, frozenSequence);
    }
  }

  private void refuse(StorageException e) {
    if (e.kind() == Kind.NO_SPACE) {
      context.maintenance().noSpace(e);
      synchronized (lock) {
        lock.notifyAll();
      }
    } else {
      fail(e);
    }
  }

  /** Writes the first root of a new volume. */
  void writeFirstRoot() throws IOException {
    runs.writeFirstRoot();
  }

  private void awaitFewRuns() throws StorageException {
    synchronized (lock) {
      while (runs.ownRuns() >= MAX_WAITING_RUNS && runs.merges() && !closed) {
        requestMerge();
        awaitChange();
      }
    }
  }

  private void requestMerge() {
    if (mergeRequested.compareAndSet(false, true)) {
      context.maintenance().merge(this);
    }
  }

  void backgroundMerge() {
    mergeRequested.set(false);
    try {
      merge();
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.WARNING, "can''t merge runs of {0}: {1}", name, e.getMessage());
    }
    synchronized (lock) {
      lock.notifyAll();
    }
  }

  /** Does what the merge policy asks for. */
  void merge() throws IOException {
    runs.merge(epoch());
  }

  /** Turns all that the buffers hold into runs, also what an earlier checkpoint failed at. */
  void empty() throws IOException {
    checkpoint();
    checkpoint();
  }

  /** Empties the buffer, and makes an image's root of what the volume is then. */
  VolumeRuns.Snapshot commit() throws IOException {
    empty();
    synchronized (lock) {
      failIfClosed();
    }
    return runs.snapshot();
  }

  // Recovery and end

  /** Takes back a slot that an earlier process published, in the order of sequences. */
  void adopt(int slot, long itsSequence) {
    long block = context.pool().block(slot);
    long zeroBlocks = context.pool().zeroBlocks(slot);
    long count = Math.max(1, zeroBlocks);
    if (itsSequence <= runs.sequence() || block < 0 || count > blocks() - block) {
      context.pool().give(slot);
      return;
    }
    if (zeroBlocks == 0) {
      active.put(block, slot);
    } else {
      active.putZeros(block, zeroBlocks, slot);
    }
    sequence = Math.max(sequence, itsSequence);
    if (durable()) {
      unjournaled.add(slot, itsSequence);
    }
  }

  /** Whether a batch of the journal holds writes that the runs lack. */
  boolean needs(Batch batch) {
    return durable() && batch.lastSequence() > runs.sequence();
  }

  /** Applies a batch of the journal, in the order of the log. */
  void replay(Batch batch) throws IOException {
    batch.open(
        context.keys(),
        new Batch.Visitor() {
          @Override
          public void value(long itsSequence, long block, byte[] bytes) throws IOException {
            replaySlot(itsSequence, block, 0, bytes);
          }

          @Override
          public void zeros(long itsSequence, long block, long blocks) throws IOException {
            replaySlot(itsSequence, block, blocks, new byte[0]);
          }
        });
    sequence = Math.max(sequence, batch.lastSequence());
  }

  private void replaySlot(long itsSequence, long block, long zeroBlocks, byte[] bytes)
      throws IOException {
    if (itsSequence <= runs.sequence()) {
      return;
    }
    if (block < 0 || Math.max(1, zeroBlocks) > blocks() - block) {
      throw new StorageException(
          Kind.DAMAGED, "the journal has block " + block + " of " + name + ", beyond its end");
    }
    int[] slot = new int[1];
    if (active.slotCount() >= context.bufferSlots()) {
      checkpoint();
    }
    if (!context.pool().take(1, slot)) {
      context.maintenance().emptyAll();
      if (!context.pool().take(1, slot)) {
        throw new StorageException(
            Kind.NO_SPACE, "no write buffers left to recover " + name + ": allow more memory");
      }
    }
    sequence = Math.max(sequence, itsSequence);
    if (zeroBlocks == 0) {
      context.pool().fill(slot[0], bytes, 0);
    }
    context.pool().publish(slot[0], itsSequence, id, block, zeroBlocks);
    if (zeroBlocks == 0) {
      active.put(block, slot[0]);
    } else {
      active.putZeros(block, zeroBlocks, slot[0]);
    }
  }

  /** Reads the tables of all runs, so that their chunks count as referred to. */
  void loadRuns() throws IOException {
    runs.load();
  }

  /** What the volume holds where, and what was done for it. */
  public VolumeStats stats() {
    long buffered;
    long journalBytes;
    synchronized (lock) {
      journalBytes = journaled.stream().mapToLong(JournalRecord::bytes).sum();
      WriteBuffer below = frozen;
      buffered = (long) active.slotCount() + (below == null ? 0 : below.slotCount());
    }
    List<Long> levels = List.of();
    try {
      levels = runs.levelBytes();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "a run of {0}: {1}", name, e.getMessage());
    }
    return new VolumeStats(
        buffered << Dubtree.BLOCK_SHIFT,
        journalBytes,
        levels,
        guestBytesWritten.sum(),
        journalBytesWritten.sum() + runs.bytesWritten(),
        readsFromBuffer.sum(),
        reads.cached().sum(),
        reads.disk().sum(),
        reads.holes().sum());
  }

  /** Ends merges, so that a store that closes needn't wait for them. */
  void endMerges() {
    runs.endMerges();
  }

  /** Refuses requests from now on and waits for background work; the buffer is kept. */
  void shut() {
    synchronized (lock) {
      closed = true;
      lock.notifyAll();
    }
    runs.shut();
    synchronized (checkpointLock) {
      synchronized (journalLock) {
        journalPosition = 0;
      }
    }
  }

  /** Deletes a volume that is {@link #shut}: its root, then all that only it needs. */
  void delete() throws IOException {
    runs.delete();
    synchronized (lock) {
      active.giveAll();
      if (frozen != null) {
        frozen.giveAll();
        frozen = null;
      }
    }
    context.journal().release(id, Long.MAX_VALUE);
  }
}
