package io.bailey.volume;

import io.bailey.chunk.BlockCache;
import io.bailey.crypto.Epoch;
import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.Entry;
import io.bailey.dubtree.RunStack;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.journal.Batch;
import io.bailey.journal.BatchWriter;
import io.bailey.journal.Journal;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The part of a durable volume that is in the journal: its newest level. Values stay where their
 * records have them, and an index in memory says where; a frozen index is on its way into a run.
 *
 * <p>Guarded by the volume's lock, but for {@link #append}, which one thread at a time may call.
 */
final class VolumeLog {
  /** What {@link #find} says of a block that isn't in the journal. */
  static final long NOWHERE = -1;

  /** What {@link #find} says of a block of zeros. */
  static final long ZEROS = -2;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final StoreContext context;
  private final String name;
  private final long id;
  private final long blocks;
  private final LongAdder bytesWritten = new LongAdder();

  private JournalIndex index = new JournalIndex();
  private @Nullable JournalIndex frozen;

  /** The last sequence that the log has, and up to which the frozen index goes. */
  private long sequence;

  private long frozenSequence;

  /** Of the records that the two indexes are of. */
  private long bytes;

  private long frozenBytes;

  /** By the numbers that the indexes have. */
  private final List<Epoch> epochs = new ArrayList<>();

  private long charged;
  private boolean chargesEnded;

  /** What may be missing, by what recovery has read so far; and what is. */
  private @Nullable String suspicion;

  private @Nullable StorageException damage;

  VolumeLog(StoreContext context, String name, Root root) {
    this.context = context;
    this.name = name;
    this.id = root.volume();
    this.blocks = root.blocks();
    this.sequence = root.sequence();
  }

  /** The last sequence that the log, or the runs, have. */
  long sequence() {
    return sequence;
  }

  /** Blocks that have their newest bytes in the log. */
  int blockCount() {
    return index.blockCount() + (frozen == null ? 0 : frozen.blockCount());
  }

  /** Bytes of the journal that the volume still needs. */
  long bytes() {
    return bytes + frozenBytes;
  }

  /** Bytes appended for this volume since it was opened. */
  long bytesWritten() {
    return bytesWritten.sum();
  }

  /** Bytes of memory that sorting would free. */
  long memoryBytes() {
    return charged;
  }

  // Appending

  /** A record in the log that isn't in the index yet. */
  record Appended(BatchWriter batch, Journal.Appended at) {}

  /** Seals what a frozen buffer has and appends it. Without the lock. */
  Appended append(WriteBuffer source, long last, Epoch epoch) throws IOException {
    BatchWriter batch = new BatchWriter(id, epoch, sequence, last);
    byte[] block = new byte[Dubtree.BLOCK_BYTES];
    Cursor cursor = source.cursor();
    for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
      if (entry instanceof Entry.Unsealed unsealed) {
        if (unsealed.loader().load(unsealed.slot(), block) != Dubtree.BLOCK_BYTES) {
          throw new StorageException(
              Kind.DAMAGED,
              "the write buffer of " + name + " has block " + unsealed.start() + " compressed");
        }
        if (!RunWriter.isZero(block, 0)) {
          batch.addValue(entry.start(), block, 0);
          continue;
        }
      }
      batch.addZeros(entry.start(), entry.end() - entry.start());
    }
    Journal.Appended appended = context.journal().append(batch);
    bytesWritten.add(appended.bytes());
    return new Appended(batch, appended);
  }

  /** Takes a record into the index: from here on the buffer it came from isn't needed. */
  void apply(Appended appended) throws IOException {
    appended.batch.visit(indexing(appended.batch.epoch()));
    noteBatch(appended.batch.lastSequence(), appended.at.bytes());
  }

  private void noteBatch(long last, int itsBytes) {
    sequence = last;
    bytes += itsBytes;
    charge();
  }

  private void charge() {
    JournalIndex below = frozen;
    long now = chargesEnded ? 0 : index.memoryBytes() + (below == null ? 0 : below.memoryBytes());
    context.indexMemory().add(now - charged);
    charged = now;
  }

  /** The volume's indexes no longer count: they don't grow any more. */
  void endCharges() {
    chargesEnded = true;
    charge();
  }

  private Batch.Visitor indexing(Epoch epoch) {
    int number = epochs.indexOf(epoch);
    if (number < 0) {
      number = epochs.size();
      epochs.add(epoch);
    }
    int itsEpoch = number;
    return new Batch.Visitor() {
      @Override
      public void value(long block, long place, int size, long counter, byte[] tags, int tag)
          throws IOException {
        check(block, 1);
        long high = (long) LONG.get(tags, tag);
        long low = (long) LONG.get(tags, tag + Long.BYTES);
        index.put(block, place, size, itsEpoch, counter, high, low);
      }

      @Override
      public void zeros(long block, long count) throws IOException {
        check(block, count);
        index.putZeros(block, count);
      }
    };
  }

  private void check(long block, long count) throws StorageException {
    if (block < 0 || count < 1 || count > blocks - block) {
      throw new StorageException(
          Kind.DAMAGED, "the journal has block " + block + " of " + name + ", beyond its end");
    }
  }

  // Reading

  /** Where in the journal a block's value lies; {@link #NOWHERE} or {@link #ZEROS}. */
  long find(long block) {
    long found = find(index, block);
    JournalIndex below = frozen;
    return found == NOWHERE && below != null ? find(below, block) : found;
  }

  private static long find(JournalIndex in, long block) {
    int entry = in.entry(block);
    if (entry != LongIntMap.NONE) {
      return in.place(entry);
    }
    return in.isZero(block) ? ZEROS : NOWHERE;
  }

  /** Notes the value of a block, which has one, to be read. */
  void note(JournalReads reads, long block, long to) {
    JournalIndex in = index;
    int entry = in.entry(block);
    if (entry == LongIntMap.NONE && frozen != null) {
      in = frozen;
      entry = in.entry(block);
    }
    reads.add(block, to, context.journal(), in, entry, epochs.get(in.epoch(entry)));
  }

  /** Reads what was noted. Without the lock. */
  boolean read(
      JournalReads noted, MemorySegment dst, boolean cachedOnly, RunStack.Counters counters)
      throws IOException {
    BlockCache cache = context.cache();
    return noted.read(cache, dst, cachedOnly, counters);
  }

  /** What lies in a range, newest index first: each is what {@link JournalIndex#pieces} says. */
  List<List<long[]>> pieces(long first, long end) {
    JournalIndex below = frozen;
    return below == null
        ? List.of(index.pieces(first, end))
        : List.of(index.pieces(first, end), below.pieces(first, end));
  }

  // Sorting

  /** Freezes the index, unless one is frozen; returns whether there is one to sort. */
  boolean freeze() {
    if (frozen == null && !index.isEmpty()) {
      frozen = index;
      frozenSequence = sequence;
      frozenBytes = bytes;
      index = new JournalIndex();
      bytes = 0;
    }
    return frozen != null;
  }

  /** Whether there are records that are newer than a frozen index. */
  boolean hasAboveFrozen() {
    return frozen != null && !index.isEmpty();
  }

  /**
   * What is on its way into a run, and doesn't change.
   *
   * @param sequence every write up to it is in there, or in the runs
   */
  record Frozen(Journal journal, @Nullable JournalIndex index, List<Epoch> epochs, long sequence) {
    /** What it has, in order. Sorting takes a while: not under the lock. */
    Cursor sorted() {
      return index == null ? () -> null : index.over(new JournalCursor(journal, index, epochs));
    }
  }

  /** What the frozen index has. */
  Frozen frozen() {
    return new Frozen(context.journal(), frozen, List.copyOf(epochs), frozenSequence);
  }

  /** The runs have what the frozen index had. */
  void thaw() {
    frozen = null;
    frozenBytes = 0;
    charge();
  }

  // Recovery

  /** Takes a batch of an earlier process in; returns whether the volume needs it. */
  boolean adopt(Batch batch) {
    if (damage != null) {
      return true;
    }
    if (batch.lastSequence() <= sequence) {
      return false;
    }
    if (batch.afterSequence() > sequence) {
      damage =
          new StorageException(
              Kind.DAMAGED,
              (suspicion == null ? "before the " + batch.where() : suspicion)
                  + ", so writes of volume "
                  + name
                  + " are missing");
      return true;
    }
    suspicion = null;
    try {
      Epoch epoch = knownEpoch(batch);
      batch.open(epoch, indexing(epoch));
      noteBatch(batch.lastSequence(), batch.bytes());
    } catch (StorageException e) {
      damage = e;
    } catch (IOException e) {
      damage = new StorageException(Kind.DAMAGED, batch.where() + ": " + e.getMessage(), e);
    }
    return true;
  }

  private Epoch knownEpoch(Batch batch) throws StorageException {
    for (Epoch epoch : epochs.reversed()) {
      if (epoch.keyId().equals(batch.keyId()) && Arrays.equals(epoch.salt(), batch.salt())) {
        return epoch;
      }
    }
    return batch.epoch(context.keys());
  }

  /** Hears that a batch is missing, which may have been this volume's. */
  void missing(Journal.Missing missing) {
    if (missing.volume() == 0 || (missing.volume() == id && missing.lastSequence() > sequence)) {
      suspicion = missing.where();
    }
  }

  /** What is wrong with the volume, when all of the log has been read; null if nothing is. */
  @Nullable StorageException damage() {
    if (damage == null && suspicion != null) {
      damage =
          new StorageException(
              Kind.DAMAGED, suspicion + ", and it may have had writes of volume " + name);
    }
    return damage;
  }
}
