package io.bailey.volume;

import io.bailey.crypto.Codec;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunStack;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** Puts writes into a volume's buffer, once there is room. Thread-safe. */
final class VolumeWriter {
  /** Blocks that one step of a long write takes. */
  static final int MAX_STEP_BLOCKS = 256;

  /** How often who waits for room asks whether any can come. */
  private static final long STRANDED_CHECK_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Blocks written since the last record that make a durable volume write one, at most. */
  private static final int MAX_UNJOURNALED = 1024;

  private final StoreContext context;
  private final String name;
  private final long id;
  private final long size;
  private final long blocks;
  private final boolean durable;
  private final VolumeTop top;
  private final VolumeReader reader;
  private final VolumeRuns runs;
  private final WritePace pace;
  private final VolumeLogWriter logWriter;
  private final VolumeUpkeep upkeep;
  private final PackTrial trial = new PackTrial();
  private final LongAdder guestBytesWritten = new LongAdder();

  VolumeWriter(
      StoreContext context,
      String name,
      Root root,
      VolumeTop top,
      VolumeReader reader,
      VolumeRuns runs,
      WritePace pace,
      VolumeLogWriter logWriter,
      VolumeUpkeep upkeep) {
    this.context = context;
    this.name = name;
    this.id = root.volume();
    this.size = root.size();
    this.blocks = root.blocks();
    this.durable = root.durable();
    this.top = top;
    this.reader = reader;
    this.runs = runs;
    this.pace = pace;
    this.logWriter = logWriter;
    this.upkeep = upkeep;
  }

  /** Bytes that clients wrote. */
  long guestBytesWritten() {
    return guestBytesWritten.sum();
  }

  /** Writes bytes; without {@code wait} it answers false rather than wait for room or a disk. */
  boolean put(long offset, MemorySegment src, long srcOffset, int length, boolean wait)
      throws IOException {
    long at = offset;
    long from = srcOffset;
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
        int left = (int) ((end - at) >>> Dubtree.BLOCK_SHIFT);
        int blocks = Math.min(stepBlocks(), left);
        if (!wait && blocks < left) {
          return false;
        }
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

  /** No more than there are slots for: others may hold the rest for ever. */
  private int stepBlocks() {
    return Math.clamp(context.pool().available(), 1, MAX_STEP_BLOCKS);
  }

  private boolean putBlocks(long first, int blocks, MemorySegment src, long from, boolean wait)
      throws IOException {
    if (!durable) {
      return awaitRoom(blocks, wait, () -> putPacked(first, blocks, src, from));
    }
    // No need to compress: the slots are soon free again.
    int[] slots = new int[blocks];
    if (!takeSlots(blocks, slots, wait)) {
      return false;
    }
    for (int i = 0; i < blocks; i++) {
      context.pool().fill(slots[i], src, from + (long) i * Dubtree.BLOCK_BYTES);
    }
    synchronized (top.lock) {
      giveBackIfClosed(slots);
      for (int i = 0; i < blocks; i++) {
        publish(first + i, slots[i]);
      }
    }
    context.maintenance().written(blocks);
    return true;
  }

  /** Puts blocks, compressed where that makes them small, if there are slots for them. */
  private boolean putPacked(long first, int blocks, MemorySegment src, long from)
      throws IOException {
    Codec codec = Codec.borrow();
    try {
      PackedBlocks packed = new PackedBlocks(codec, src, from, blocks, trial);
      int[] slots = new int[blocks];
      synchronized (top.lock) {
        top.failIfUnwritable();
        if (!context.pool().take(top.active.slotsFor(packed), slots)) {
          return false;
        }
        long before = top.sequence;
        top.sequence += blocks;
        top.active.put(first, packed, slots, before, id);
      }
    } finally {
      codec.giveBack();
    }
    return true;
  }

  private boolean putPart(
      long block, int at, MemorySegment src, long from, int length, boolean wait)
      throws IOException {
    MemorySegment whole = MemorySegment.ofArray(new byte[Dubtree.BLOCK_BYTES]);
    int[] slot = new int[1];
    if (!takeSlots(1, slot, wait)) {
      return false;
    }
    boolean done = false;
    try {
      while (!done) {
        Source source = source(block, whole);
        if (source.place != VolumeTop.IN_MEMORY && !reader.readBlocks(block, 1, whole, 0, !wait)) {
          return false;
        }
        done = patch(block, source, whole, slot[0], at, src, from, length);
      }
      if (durable) {
        context.maintenance().written(1);
      }
      return true;
    } finally {
      if (!done) {
        context.pool().giveUnused(slot, 0, 1);
      }
    }
  }

  /**
   * What a block's bytes come from.
   *
   * @param place in the journal, or {@link VolumeTop#IN_MEMORY} or {@link VolumeTop#NOWHERE}
   * @param stack which of the runs it was found in no place above; not retained
   */
  private record Source(long place, RunStack stack) {}

  /** Where a block's bytes are. */
  private Source source(long block, MemorySegment whole) throws IOException {
    synchronized (top.lock) {
      top.failIfClosed();
      // What is in memory is copied again, and decompressed, once the block is published.
      return new Source(top.lookUp(block, whole, 0, new PackedReads()), runs.current());
    }
  }

  /** Publishes a block of which part is new, unless its old bytes moved on since they were read. */
  private boolean patch(
      long block,
      Source readFrom,
      MemorySegment whole,
      int slot,
      int at,
      MemorySegment src,
      long from,
      int length)
      throws IOException {
    synchronized (top.lock) {
      top.failIfClosed();
      PackedReads packed = new PackedReads();
      long place = top.lookUp(block, whole, 0, packed);
      packed.unpack(whole);
      boolean same =
          place == readFrom.place && (place != VolumeTop.NOWHERE || runs.isCurrent(readFrom.stack));
      if (place != VolumeTop.IN_MEMORY && !same) {
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
    context.pool().publish(slot, ++top.sequence, id, block, 0);
    top.active.put(block, slot);
  }

  private boolean takeSlots(int count, int[] slots, boolean wait) throws IOException {
    return awaitRoom(count, wait, () -> context.pool().take(count, slots));
  }

  /** Takes slots, if there are some. */
  @FunctionalInterface
  private interface Taker {
    boolean take() throws IOException;
  }

  /** Has slots taken once the volume and the host have room for so many blocks. */
  private boolean awaitRoom(int blocks, boolean wait, Taker taker) throws IOException {
    long began = wait ? System.nanoTime() : 0;
    long asked = began;
    while (true) {
      // Not under the lock, for it asks other volumes.
      boolean logTooLong = durable && context.maintenance().waitsForLog(context.journal());
      Room room;
      CountDownLatch change;
      synchronized (top.lock) {
        top.failIfUnwritable();
        room = logTooLong ? Room.NONE : room(blocks, wait, began);
        change = top.change();
      }
      if (room == Room.FOR_MORE && taker.take()) {
        relieveIfLow();
        return true;
      }
      if (!wait) {
        return false;
      }
      switch (room) {
        case TOO_EARLY -> top.await(change, WritePace.stepMillis(System.nanoTime() - began));
        case AFTER_LOGGING -> {
          long _ = logWriter.append();
        }
        default -> {
          if (logTooLong) {
            context.maintenance().relieveLog(context.journal());
          } else {
            relieveIfLow();
          }
          failIfOutOfSpace();
          if (System.nanoTime() - asked > STRANDED_CHECK_NANOS) {
            failIfAllAreStranded();
            asked = System.nanoTime();
          }
          top.await(change, VolumeTop.WAIT_MILLIS);
        }
      }
    }
  }

  private enum Room {
    /** There is, if the host has slots. */
    FOR_MORE,
    /** Buffers fill faster than they are emptied. */
    TOO_EARLY,
    /** There is, once the journal has what the buffer has. */
    AFTER_LOGGING,
    NONE
  }

  /** Whether the volume has room. Under the lock. */
  private Room room(int blocks, boolean wait, long began) {
    if (durable && top.active.slotCount() >= maxUnjournaled()) {
      return Room.AFTER_LOGGING;
    }
    // Better to wait a little at each write now than long at the one that finds no slot.
    double lead = durable ? leadOfLog() : lead();
    if (lead > 0 && (!wait || System.nanoTime() - began < WritePace.delayNanos(blocks, lead))) {
      return Room.TOO_EARLY;
    }
    return hasRoom() ? Room.FOR_MORE : Room.NONE;
  }

  /** How far an ephemeral volume, or the host, is ahead. Under the lock. */
  private double lead() {
    int held = top.active.slotCount();
    int most = held + context.pool().available();
    double ofOwn = top.frozen == null ? 0 : pace.lead(held, most);
    return Math.max(ofOwn, pace.leadOfAll());
  }

  /** How far a durable volume is ahead of the record that is being made of it. Under the lock. */
  private double leadOfLog() {
    if (top.frozen == null || context.maintenance().noSpace() != null) {
      return 0;
    }
    long taken = System.nanoTime() - top.recordNanos;
    return WritePace.leadOfLog(top.active.slotCount(), maxUnjournaled(), taken);
  }

  private int maxUnjournaled() {
    return Math.min(MAX_UNJOURNALED, context.pool().capacity() / 16);
  }

  /** Whether what is written now can leave the buffer again. Under the lock. */
  private boolean hasRoom() {
    if (durable) {
      boolean room = !context.indexMemory().isFull();
      if (!room) {
        context.maintenance().relieveIndexes();
      }
      return room;
    }
    int held = top.active.slotCount();
    if (context.isDue(top.active)) {
      upkeep.requestRelief();
    }
    // Who is faster than the disk is slowed down above; who finds the disk full is stopped.
    return top.frozen == null
        || context.maintenance().noSpace() == null
        || held < context.bufferSlots(held);
  }

  private void relieveIfLow() {
    int missing = pace.missing();
    if (missing > 0) {
      context.maintenance().relieve(missing);
    }
  }

  /** Makes the whole blocks of a range zeros. */
  void trim(long offset, long length) throws IOException {
    long first = (offset + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
    boolean toEnd = offset + length == size;
    long end = toEnd ? blocks : (offset + length) >>> Dubtree.BLOCK_SHIFT;
    if (end > first) {
      putZeros(first, end - first);
    }
  }

  /** Makes a range zeros. */
  void zero(long offset, long length) throws IOException {
    MemorySegment zeros = MemorySegment.ofArray(new byte[Dubtree.BLOCK_BYTES]);
    long end = offset + length;
    long firstWhole = (offset + Dubtree.BLOCK_BYTES - 1) & -Dubtree.BLOCK_BYTES;
    long head = Math.min(firstWhole, end) - offset;
    if (head > 0) {
      put(offset, zeros, 0, (int) head, true);
    }
    long lastWhole = end == size ? blocks << Dubtree.BLOCK_SHIFT : end & -Dubtree.BLOCK_BYTES;
    if (lastWhole > firstWhole) {
      putZeros(
          firstWhole >>> Dubtree.BLOCK_SHIFT, (lastWhole - firstWhole) >>> Dubtree.BLOCK_SHIFT);
    }
    if (end > lastWhole && lastWhole >= firstWhole) {
      put(lastWhole, zeros, 0, (int) (end - lastWhole), true);
    }
  }

  private void putZeros(long first, long count) throws IOException {
    int[] slot = new int[1];
    takeSlots(1, slot, true);
    synchronized (top.lock) {
      giveBackIfClosed(slot);
      context.pool().publish(slot[0], ++top.sequence, id, first, count);
      top.active.putZeros(first, count, slot[0]);
    }
  }

  private void giveBackIfClosed(int[] slots) throws StorageException {
    if (top.closed) {
      context.pool().giveUnused(slots, 0, slots.length);
      top.failIfClosed();
    }
  }

  /** Refuses to wait for room that won't come while the disk is full. */
  private void failIfOutOfSpace() throws StorageException {
    StorageException full = context.maintenance().noSpace();
    if (full != null) {
      throw new StorageException(Kind.NO_SPACE, "volume " + name + ": " + full.getMessage(), full);
    }
  }

  /** Refuses to wait for slots of volumes that can't give them up. */
  private void failIfAllAreStranded() throws StorageException {
    if (context.maintenance().strandedSlots() + context.pool().stranded()
        >= context.pool().capacity()) {
      throw new StorageException(
          Kind.NO_SPACE,
          "volume "
              + name
              + ": volumes that failed or were left out hold all write buffers: remove them or"
              + " mend their disk, then start the daemon again");
    }
  }
}
