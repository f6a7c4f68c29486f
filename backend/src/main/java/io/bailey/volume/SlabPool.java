package io.bailey.volume;

import io.bailey.crypto.Codec;
import io.bailey.io.AheadThread;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.Posix;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.CRC32C;

/**
 * The memory of all write buffers: slots of one block each, or of several that are compressed
 * ({@link PackedSlot}), in files on a memory file system that are mapped shared. What lies in a
 * slot outlives the process without a system call, and never reaches a disk. Bounded; grows by
 * slabs of 4 MiB. Thread-safe, but for the bytes of a slot, which belong to the volume that took
 * it.
 *
 * <h2>A slab file</h2>
 *
 * <pre>
 *     0  BAILEY B version      16 id of the set of slabs        (native byte order)
 *    24  checksum of the id; zeros in slabs of early versions
 *  4096  1024 slot headers of 32 bytes: sequence, volume, block, blocks
 * 36864  1024 blocks of 4096 bytes
 * </pre>
 *
 * A header's sequence is stored last and released, and set to 0 first when the slot is given up: a
 * process that dies at any instruction leaves whole slots and free ones. {@code blocks} is 0 for a
 * slot that holds its block's bytes; above, the slot stands for a range of zeros; -1 says that the
 * slot holds compressed blocks. A slab that has had such slots is of version 2, others are of
 * version 1. Slots have no checksum: they are memory, as the process's own is.
 *
 * <p>A <i>place</i> is a slot's number, times 64; of a compressed block, with the unit within the
 * slot added, which isn't 0.
 */
final class SlabPool {
  static final int SLOT_BYTES = 4096;
  static final int SLAB_SLOTS = 1024;

  private static final int HEADER_BYTES = 32;
  private static final int HEADERS_AT = 4096;
  private static final int DATA_AT = HEADERS_AT + SLAB_SLOTS * HEADER_BYTES;
  private static final int SLAB_BYTES = DATA_AT + SLAB_SLOTS * SLOT_BYTES;
  private static final int CHECKSUM_AT = 24;
  private static final int CHECKED_BYTES = 32;
  private static final long MAGIC = 0x4241494C45594201L;

  /** The same of a slab that has had compressed blocks. */
  private static final long PACKED_MAGIC = MAGIC + 1;

  /** What a slot of compressed blocks has in its header instead of a number of blocks. */
  private static final long PACKED = -1;

  /** More, and places wouldn't fit. */
  private static final long MAX_SLABS = (1L << 31) / (SLAB_SLOTS * PackedSlot.UNITS) - 1;

  private static final String PREFIX = "slab-";
  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

  /** How long no slab is made once there was no memory for one. */
  private static final long NO_MEMORY_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final System.Logger LOG = System.getLogger(SlabPool.class.getName());

  /** Free slots below which the next slab is made ahead of need. */
  private static final int SLOTS_AHEAD = 2 * SLAB_SLOTS;

  /** A pool of fewer makes and touches what is missed when it is: ahead, it would soon be all. */
  private static final int MIN_SLABS_FOR_AHEAD = 16;

  private static final Executor MAKER = AheadThread.named("bailey-slab-");

  private final HostFiles files;
  private final Path directory;
  private final UUID set;
  private final int maxSlabs;

  /** As many, or those that there are for a while once memory was missing for one more. */
  private volatile int slabLimit;

  /** Guarded by {@code lock}. */
  private long noMemorySince;

  private final Arena arena = Arena.ofShared();
  private volatile MemorySegment[] slabs = new MemorySegment[0];

  /** Held by who makes a slab; taken before {@code lock}. */
  private final ReentrantLock growLock = new ReentrantLock();

  /**
   * Comes when who makes a slab has ended. All who wait for it go on at once: in the line for a
   * lock each would have to run before the next one. Guarded by {@code lock}.
   */
  private CountDownLatch grown = new CountDownLatch(1);

  private final Object lock = new Object();
  private int[] free = new int[SLAB_SLOTS];
  private int freeCount;

  /** What {@link #available} says; written under {@code lock}. */
  private volatile int available;

  private final AtomicInteger soonFree = new AtomicInteger();

  private boolean growing;
  private boolean closed;
  private volatile int stranded;

  /**
   * Opens the slabs that an earlier process left, if they are of this set; drops others.
   *
   * @param maxBytes of all slots
   * @param found hears of every slot in use
   */
  SlabPool(HostFiles files, Path directory, UUID set, long maxBytes, SlotVisitor found)
      throws IOException {
    this.files = files;
    this.directory = directory;
    this.set = set;
    this.maxSlabs = (int) Math.clamp(maxBytes / (SLAB_SLOTS * (long) SLOT_BYTES), 2, MAX_SLABS);
    this.slabLimit = maxSlabs;
    this.available = capacity();
    files.createDirectories(directory);
    List<Path> present = new ArrayList<>();
    for (String name : files.list(directory)) {
      if (name.startsWith(PREFIX)) {
        Path path = directory.resolve(name);
        if (name.matches(PREFIX + "[0-9]{1,6}") && isOfSet(path)) {
          present.add(path);
        } else {
          files.delete(path);
        }
      }
    }
    // By number: by name, slab-10 would come before slab-2, and be renamed over it.
    present.sort(Comparator.comparingInt(SlabPool::number));
    try {
      for (int i = 0; i < present.size(); i++) {
        Path path = directory.resolve(PREFIX + i);
        if (!path.equals(present.get(i))) {
          files.rename(present.get(i), path);
        }
        adopt(Posix.mapShared(path, SLAB_BYTES, arena), found);
      }
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** Hears of a slot that holds something, or of a compressed block in one. */
  interface SlotVisitor {
    void slot(int place, long sequence, long volume, long block, long blocks);
  }

  private static int number(Path slab) {
    return Integer.parseInt(String.valueOf(slab.getFileName()).substring(PREFIX.length()));
  }

  private boolean isOfSet(Path path) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(CHECKED_BYTES).order(ByteOrder.nativeOrder());
    try (HostFile file = files.open(path)) {
      if (file.size() != SLAB_BYTES) {
        return false;
      }
      file.read(0, head.array(), 0, CHECKED_BYTES);
    }
    long magic = head.getLong(0);
    long sum = head.getLong(CHECKSUM_AT);
    // A process that dies while it makes a slab leaves one without magic, and empty.
    boolean known = magic == MAGIC || magic == PACKED_MAGIC;
    if (magic != 0 && (!known || (sum != 0 && sum != checksum(head)))) {
      throw new StorageException(
          Kind.DAMAGED,
          "write buffers "
              + path
              + " have a damaged header: delete the file to start without them, which gives up"
              + " writes that were acknowledged and not flushed");
    }
    return known
        && head.getLong(8) == set.getMostSignificantBits()
        && head.getLong(16) == set.getLeastSignificantBits();
  }

  private static long checksum(ByteBuffer head) {
    CRC32C crc = new CRC32C();
    crc.update(head.slice(8, CHECKSUM_AT - 8));
    return crc.getValue() | 1L << 32;
  }

  /** Whether a directory has slabs of whatever set. */
  static boolean anyIn(HostFiles files, Path directory) throws IOException {
    return files.exists(directory)
        && files.list(directory).stream().anyMatch(name -> name.startsWith(PREFIX));
  }

  private void adopt(MemorySegment slab, SlotVisitor found) {
    synchronized (lock) {
      int first = addSlab(slab);
      // All at once: one by one is slow in a process that has just begun.
      long[] headers = new long[SLAB_SLOTS * HEADER_BYTES / Long.BYTES];
      MemorySegment.copy(slab, ValueLayout.JAVA_LONG, HEADERS_AT, headers, 0, headers.length);
      long[] words = new long[SLOT_BYTES / Long.BYTES];
      for (int i = SLAB_SLOTS - 1; i >= 0; i--) {
        int at = i * HEADER_BYTES / Long.BYTES;
        int place = (first + i) * PackedSlot.UNITS;
        if (headers[at] == 0) {
          push(place);
        } else if (headers[at + 3] == PACKED) {
          adoptPacked(slab, place, headers[at + 1], words, found);
        } else {
          found.slot(place, headers[at], headers[at + 1], headers[at + 2], headers[at + 3]);
        }
      }
      countAvailable();
    }
  }

  /** Under the lock. */
  private void adoptPacked(
      MemorySegment slab, int place, long volume, long[] words, SlotVisitor found) {
    PackedSlot.Visitor visitor =
        (unit, sequence, block) -> found.slot(place + unit, sequence, volume, block, 0);
    if (PackedSlot.adopt(slab, dataAt(place), words, visitor) == 0) {
      clear(place);
      push(place);
    }
  }

  /** Takes {@code count} slots into {@code places}; false, and none taken, if there isn't room. */
  boolean take(int count, int[] places) throws IOException {
    if (count == 0) {
      return true;
    }
    while (true) {
      synchronized (lock) {
        if (freeCount >= count) {
          for (int i = 0; i < count; i++) {
            places[i] = free[--freeCount];
          }
          countAvailable();
          break;
        }
        if (closed || slabs.length >= slabLimit()) {
          return false;
        }
      }
      grow(count);
    }
    growAhead();
    return true;
  }

  private boolean isLarge() {
    return maxSlabs >= MIN_SLABS_FOR_AHEAD;
  }

  /** Has the next slab made by another thread before it is missed. */
  private void growAhead() {
    synchronized (lock) {
      boolean wanted = isLarge() && freeCount < SLOTS_AHEAD;
      if (!wanted || slabs.length >= slabLimit || growing || closed) {
        return;
      }
      growing = true;
    }
    MAKER.execute(
        () -> {
          try {
            grow(SLOTS_AHEAD);
          } catch (IOException e) {
            // Who really needs it will meet the same, and say so.
          } finally {
            synchronized (lock) {
              growing = false;
            }
          }
        });
  }

  /** Adds slabs until there are as many free slots, as far as the limit and the memory allow. */
  private void grow(int wanted) throws IOException {
    while (true) {
      CountDownLatch change;
      synchronized (lock) {
        if (!lacks(wanted)) {
          return;
        }
        change = grown;
      }
      if (growLock.tryLock()) {
        try {
          growBySlab(wanted);
        } finally {
          growLock.unlock();
          grown();
        }
      } else {
        await(change);
      }
    }
  }

  /** Wakes who waits for a slab. Not under {@code growLock}: they find it free. */
  private void grown() {
    synchronized (lock) {
      grown.countDown();
      grown = new CountDownLatch(1);
    }
  }

  private void await(CountDownLatch change) throws StorageException {
    try {
      change.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException(Kind.IO, "waiting for a write buffer was interrupted", e);
    }
  }

  /** Under {@code growLock}. */
  private void growBySlab(int wanted) throws IOException {
    synchronized (lock) {
      if (!lacks(wanted)) {
        return;
      }
    }
    MemorySegment slab;
    try {
      slab = create();
    } catch (StorageException e) {
      if (e.kind() != Kind.NO_SPACE || slabs.length == 0) {
        throw e;
      }
      makeDo(e);
      return;
    }
    synchronized (lock) {
      int first = addSlab(slab);
      for (int i = SLAB_SLOTS - 1; i >= 0; i--) {
        push((first + i) * PackedSlot.UNITS);
      }
    }
  }

  /** Under the lock. */
  private boolean lacks(int wanted) {
    return freeCount < wanted && slabs.length < slabLimit && !closed;
  }

  /** There is no memory for one more: for a while, what there is is all. */
  private void makeDo(StorageException e) {
    synchronized (lock) {
      slabLimit = slabs.length;
      noMemorySince = System.nanoTime();
      countAvailable();
    }
    LOG.log(
        System.Logger.Level.WARNING,
        "{0}: all volumes share {1} MiB until there is room",
        e.getMessage(),
        slabLimit * (SLAB_BYTES >> 20));
  }

  /** Under the lock. */
  private int slabLimit() {
    if (slabLimit < maxSlabs && System.nanoTime() - noMemorySince > NO_MEMORY_NANOS) {
      slabLimit = maxSlabs;
      countAvailable();
    }
    return slabLimit;
  }

  /**
   * Gives up a slot, or a compressed block and with the last one its slot.
   *
   * @return whether the slot is free now: it holds nothing, also for a process that comes after
   */
  boolean give(int place) {
    if (!unused(place)) {
      return false;
    }
    clear(place);
    synchronized (lock) {
      push(place);
      countAvailable();
    }
    return true;
  }

  private boolean unused(int place) {
    return !isPacked(place) || PackedSlot.changeUses(slab(place), dataAt(place), -1) == 0;
  }

  /** Gives up many at once; the array's content is lost. */
  void giveAll(int[] places, int count) {
    int freed = 0;
    for (int i = 0; i < count; i++) {
      int place = places[i];
      if (unused(place)) {
        clear(place);
        places[freed++] = place;
      }
    }
    giveUnused(places, 0, freed);
  }

  /** Gives taken slots back that were not written. */
  void giveUnused(int[] places, int from, int to) {
    synchronized (lock) {
      for (int i = from; i < to; i++) {
        push(places[i]);
      }
      countAvailable();
    }
  }

  /** Notes of so many more slots, or fewer, that no volume that is served can give them back. */
  void strand(int slots) {
    synchronized (lock) {
      stranded += slots;
    }
  }

  /** Slots that stay taken because their volumes were left out, or couldn't be removed. */
  int stranded() {
    return stranded;
  }

  /** Slots that could still be taken. Costs next to nothing: each write asks. */
  int available() {
    return available;
  }

  /** Slots that are taken, and whose blocks are in a run that isn't finished yet; about. */
  int soonFree() {
    return soonFree.get();
  }

  /** Notes of so many more slots, or fewer, that they are soon free. */
  void soonFree(int change) {
    soonFree.addAndGet(change);
  }

  /**
   * Whether few slots are free though more can be made: they are taken faster than that; about.
   * Memory that the machine hasn't used lately can take longer to get than as many slots take to be
   * emptied.
   */
  boolean growsTooSlowly() {
    int toMake = (slabLimit - slabs.length) * SLAB_SLOTS;
    return isLarge() && toMake > 0 && available - toMake < SLAB_SLOTS / 2;
  }

  private void countAvailable() {
    available = freeCount + (slabLimit - slabs.length) * SLAB_SLOTS;
  }

  int capacity() {
    return slabLimit * SLAB_SLOTS;
  }

  private void push(int place) {
    free[freeCount++] = place & -PackedSlot.UNITS;
  }

  private int addSlab(MemorySegment slab) {
    MemorySegment[] present = slabs;
    MemorySegment[] next = Arrays.copyOf(present, present.length + 1);
    next[present.length] = slab;
    free = Arrays.copyOf(free, next.length * SLAB_SLOTS);
    slabs = next;
    return present.length * SLAB_SLOTS;
  }

  private MemorySegment create() throws IOException {
    Path path = directory.resolve(PREFIX + slabs.length);
    files.delete(path);
    MemorySegment slab;
    try (HostFile file = files.create(path)) {
      if (isLarge()) {
        makeHuge(file, path);
      }
      // Every page, now: a memory file system that is full says so here, and not by a signal when
      // a slot is touched.
      file.allocate(SLAB_BYTES);
      slab = Posix.mapShared(path, SLAB_BYTES, arena);
    } catch (IOException e) {
      files.delete(path);
      throw e instanceof StorageException s && s.kind() == Kind.NO_SPACE
          ? new StorageException(
              Kind.NO_SPACE, "no memory left for write buffers in " + directory, e)
          : e;
    }
    if (isLarge()) {
      Posix.populate(slab);
    }
    slab.set(ValueLayout.JAVA_LONG, 8, set.getMostSignificantBits());
    slab.set(ValueLayout.JAVA_LONG, 16, set.getLeastSignificantBits());
    slab.set(
        ValueLayout.JAVA_LONG,
        CHECKSUM_AT,
        checksum(slab.asSlice(0, CHECKED_BYTES).asByteBuffer()));
    LONG.setRelease(slab, 0L, MAGIC);
    return slab;
  }

  /**
   * Puts a new file into huge pages, as far as there is room: what has one small page can become a
   * huge one. A file all of small ones takes a third longer, for these are touched first.
   */
  private static void makeHuge(HostFile file, Path path) throws IOException {
    for (long at = 0; at < SLAB_BYTES; at += Posix.HUGE_PAGE_BYTES) {
      file.write(at, new byte[1], 0, 1);
    }
    file.write(SLAB_BYTES - 1, new byte[1], 0, 1);
    try (Arena whileMade = Arena.ofConfined()) {
      Posix.collapse(Posix.mapShared(path, SLAB_BYTES, whileMade));
    }
  }

  /** Whether a place is that of a compressed block. */
  static boolean isPacked(int place) {
    return unit(place) != 0;
  }

  /** Whether a place is the first that its slot can have. */
  static boolean isFirst(int place) {
    return unit(place) <= PackedSlot.FIRST_UNIT;
  }

  /** Fills a slot with a block's bytes. It counts only once {@link #publish} is called. */
  void fill(int place, MemorySegment src, long offset) {
    MemorySegment.copy(src, offset, slab(place), dataAt(place), SLOT_BYTES);
  }

  /** Overwrites part of a slot that isn't published. */
  void patch(int place, int at, MemorySegment src, long offset, int length) {
    MemorySegment.copy(src, offset, slab(place), dataAt(place) + at, length);
  }

  /** Copies the bytes of a block that isn't compressed. */
  void copy(int place, MemorySegment dst, long offset) {
    MemorySegment.copy(slab(place), dataAt(place), dst, offset, SLOT_BYTES);
  }

  /** A compressed block as it is. */
  byte[] packed(int place) {
    byte[] packed = new byte[PackedSlot.bytes(slab(place), dataAt(place), unit(place))];
    int _ = load(place, packed);
    return packed;
  }

  /**
   * Decompresses what {@link #packed} gave.
   *
   * @param place names it where it is damaged
   * @throws StorageException if it isn't what was written
   */
  void unpack(byte[] packed, int place, MemorySegment dst, long offset) throws StorageException {
    Codec codec = Codec.borrow();
    try {
      byte[] block = codec.block();
      if (!Codec.decompress(packed, 0, packed.length, block, 0, SLOT_BYTES)) {
        throw new StorageException(
            Kind.DAMAGED,
            "write buffer "
                + directory.resolve(PREFIX + place / (PackedSlot.UNITS * SLAB_SLOTS))
                + ", offset "
                + (dataAt(place) + (long) unit(place) * PackedSlot.UNIT_BYTES)
                + ": the block there doesn't decompress");
      }
      MemorySegment.copy(block, 0, dst, ValueLayout.JAVA_BYTE, offset, SLOT_BYTES);
    } finally {
      codec.giveBack();
    }
  }

  /**
   * Copies a block as it is.
   *
   * @return its bytes; fewer than a block's if it is compressed
   */
  int load(int place, byte[] dst) {
    if (isPacked(place)) {
      return PackedSlot.load(slab(place), dataAt(place), unit(place), dst);
    }
    MemorySegment.copy(slab(place), ValueLayout.JAVA_BYTE, dataAt(place), dst, 0, SLOT_BYTES);
    return SLOT_BYTES;
  }

  /** Makes a slot count: from here on it outlives the process. */
  void publish(int place, long sequence, long volume, long block, long blocks) {
    MemorySegment slab = slab(place);
    long at = headerAt(place);
    slab.set(ValueLayout.JAVA_LONG, at + 8, volume);
    slab.set(ValueLayout.JAVA_LONG, at + 16, block);
    slab.set(ValueLayout.JAVA_LONG, at + 24, blocks);
    LONG.setRelease(slab, at, sequence);
  }

  /**
   * Makes a slot one for a volume's compressed blocks. Whoever fills it gives it up like one of
   * them, by the place of the first, when no more are added.
   */
  void beginPacked(int place, long sequence, long volume) {
    MemorySegment slab = slab(place);
    LONG.setRelease(slab, 0L, PACKED_MAGIC);
    PackedSlot.begin(slab, dataAt(place));
    publish(place, sequence, volume, 0, PACKED);
  }

  /**
   * Publishes a compressed block.
   *
   * @param place where it goes: of the slot, and the unit in it added
   */
  void addPacked(int place, long sequence, long block, byte[] packed, int from, int bytes) {
    PackedSlot.add(slab(place), dataAt(place), unit(place), sequence, block, packed, from, bytes);
  }

  private void clear(int place) {
    LONG.setRelease(slab(place), headerAt(place), 0L);
    VarHandle.releaseFence();
  }

  private MemorySegment slab(int place) {
    return slabs[place / (PackedSlot.UNITS * SLAB_SLOTS)];
  }

  private static long headerAt(int place) {
    return HEADERS_AT + (long) slotInSlab(place) * HEADER_BYTES;
  }

  private static long dataAt(int place) {
    return DATA_AT + (long) slotInSlab(place) * SLOT_BYTES;
  }

  private static int unit(int place) {
    return place % PackedSlot.UNITS;
  }

  private static int slotInSlab(int place) {
    return place / PackedSlot.UNITS % SLAB_SLOTS;
  }

  /** Unmaps the slabs and, if nothing is in them any more, deletes them. */
  void close(boolean delete) throws IOException {
    assert soonFree.get() == 0 : soonFree + " slots of runs that have ended";
    growLock.lock();
    try {
      int count;
      synchronized (lock) {
        closed = true;
        count = slabs.length;
        slabs = new MemorySegment[0];
      }
      arena.close();
      for (int i = 0; delete && i < count; i++) {
        files.delete(directory.resolve(PREFIX + i));
      }
    } finally {
      growLock.unlock();
      grown();
    }
  }
}
