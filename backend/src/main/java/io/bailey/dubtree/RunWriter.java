package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkKind;
import io.bailey.chunk.ChunkOutput;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns entries into a run: blocks in the clear are compressed and sealed, sealed values of other
 * runs are copied as they are or, where their chunk is to stay, only referred to. Closed before it
 * is finished, nothing of it remains. One thread.
 */
public final class RunWriter implements AutoCloseable {
  /** A block of zeros is compressed to fewer; what is larger isn't one. */
  private static final int MAX_BYTES_OF_ZEROS = 64;

  private final RunCatalog catalog;
  private final Epoch epoch;
  private final int level;
  private final long diskBlocks;
  private final Set<Chunk> staying;
  private final MergeSources sources = new MergeSources();
  private final Codec codec = Codec.borrow();
  private final byte[] block = new byte[Dubtree.BLOCK_BYTES];
  private final ChunkOutput treeOut;
  private final TreeWriter tree;
  private final ValueWriter values;
  private final PresenceSet.Builder presence = new PresenceSet.Builder();

  /** Chunks of the table to be; a null chunk is one that {@link #values} will have written. */
  private final List<TableEntry> table = new ArrayList<>();

  private final Map<Chunk, Integer> stayingIndex = new HashMap<>();

  /** Where in {@link #epochs} one is, by its salt. */
  private final Map<ByteBuffer, Integer> epochIndex = new HashMap<>();

  private final List<Epoch> epochs = new ArrayList<>();
  private @Nullable Epoch lastEpoch;
  private int lastEpochIndex;
  private int writtenIndex = -1;
  private int writtenNumber = -1;
  private long zerosStart = -1;
  private long zerosEnd = -1;
  private long valueCount;
  private long valueBytes;
  private long zeroBlocks;

  private static final class TableEntry {
    @Nullable Chunk chunk;
    long liveBytes;
  }

  /**
   * Begins a run.
   *
   * @param epoch what the writer seals, it seals in this one
   * @param staying chunks whose values are referred to where they lie
   */
  public RunWriter(RunCatalog catalog, Epoch epoch, int level, long diskBlocks, Set<Chunk> staying)
      throws IOException {
    this.catalog = catalog;
    this.epoch = epoch;
    this.level = level;
    this.diskBlocks = diskBlocks;
    this.staying = staying;
    treeOut = catalog.chunks().newOutput(ChunkKind.TREE);
    tree = new TreeWriter(treeOut, epoch, codec);
    values = new ValueWriter(catalog.chunks());
  }

  /** Adds all of a cursor's entries. */
  public void addAll(Cursor cursor) throws IOException {
    for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
      add(entry);
    }
  }

  /** Adds the next entry; it begins at or after the end of the one before. */
  public void add(Entry entry) throws IOException {
    switch (entry) {
      case Entry.Zeros zeros -> addZeros(zeros.start(), zeros.end());
      case Entry.Unsealed unsealed -> {
        int size = unsealed.loader().load(unsealed.slot(), block);
        if (size == Dubtree.BLOCK_BYTES) {
          addPlain(unsealed.start(), block, 0);
        } else {
          addCompressed(unsealed.start(), block, size);
        }
      }
      case Entry.Stored stored -> addStored(stored);
      case Entry.Sealed sealed -> addSealed(sealed);
    }
  }

  private void addZeros(long start, long end) throws IOException {
    if (start != zerosEnd) {
      flushZeros();
      zerosStart = start;
    }
    zerosEnd = end;
  }

  private void flushZeros() throws IOException {
    if (zerosEnd > zerosStart) {
      tree.addZeros(zerosStart, zerosEnd);
      presence.addZeros(zerosStart, zerosEnd);
      zeroBlocks += zerosEnd - zerosStart;
    }
    zerosStart = -1;
    zerosEnd = -1;
  }

  /** Adds a block in the clear, as zeros if that is what it is. */
  public void addPlain(long at, byte[] bytes, int offset) throws IOException {
    if (isZero(bytes, offset)) {
      addZeros(at, at + 1);
      return;
    }
    long counter = beginValue(at);
    addSealed(at, counter, codec.sealBlock(epoch, counter, bytes, offset));
  }

  private void addCompressed(long at, byte[] bytes, int size) throws IOException {
    if (size <= MAX_BYTES_OF_ZEROS) {
      byte[] whole = new byte[Dubtree.BLOCK_BYTES];
      if (Codec.decompress(bytes, 0, size, whole, 0, whole.length) && isZero(whole, 0)) {
        addZeros(at, at + 1);
        return;
      }
    }
    long counter = beginValue(at);
    addSealed(at, counter, codec.sealCompressed(epoch, counter, bytes, size));
  }

  /** Returns the counter that the next block's value is to be sealed with. */
  private long beginValue(long at) throws IOException {
    flushZeros();
    presence.addValue(at);
    return epoch.nextCounter();
  }

  /** Adds what the codec has sealed in this run's epoch. */
  private void addSealed(long at, long counter, int size) throws IOException {
    byte[] sealed = codec.sealed(size);
    int own = epochIndex(epoch);
    int chunk = writtenChunk();
    long place = values.offset();
    values.write(sealed, 0, size, sealed, size);
    count(chunk, size);
    // Last, for the tree may end a leaf, and seals it in the same array.
    tree.addValue(at, size, chunk, place, own, counter, sealed, size);
  }

  private void addStored(Entry.Stored stored) throws IOException {
    flushZeros();
    presence.addValue(stored.start());
    Leaf leaf = stored.leaf();
    int i = stored.index();
    int size = leaf.size(i);
    Chunk source = stored.run().chunks.get(leaf.chunk(i));
    int epochNumber = epochIndex(stored.run().epochs.get(leaf.epoch(i)));
    int tag = leaf.tagAt(i);
    if (staying.contains(source)) {
      int chunk = stayingChunk(source);
      tree.addValue(
          stored.start(),
          size,
          chunk,
          leaf.offset(i),
          epochNumber,
          leaf.counter(i),
          leaf.tags(),
          tag);
      count(chunk, size);
      return;
    }
    MergeSources.Bytes sealed = sources.get(source, leaf.offset(i), size, stored.start());
    int chunk = writtenChunk();
    tree.addValue(
        stored.start(),
        size,
        chunk,
        values.offset(),
        epochNumber,
        leaf.counter(i),
        leaf.tags(),
        tag);
    count(chunk, size);
    values.write(sealed.array(), sealed.offset(), size, leaf.tags(), tag);
  }

  private void addSealed(Entry.Sealed value) throws IOException {
    flushZeros();
    presence.addValue(value.start());
    int chunk = writtenChunk();
    tree.addValue(
        value.start(),
        value.size(),
        chunk,
        values.offset(),
        epochIndex(value.epoch()),
        value.counter(),
        value.tags(),
        value.tag());
    count(chunk, value.size());
    values.write(value.sealed(), value.at(), value.size(), value.tags(), value.tag());
  }

  private void count(int chunk, int size) {
    table.get(chunk).liveBytes += size;
    valueCount++;
    valueBytes += size;
  }

  private int writtenChunk() throws StorageException {
    if (values.chunkNumber() != writtenNumber) {
      writtenNumber = values.chunkNumber();
      writtenIndex = newEntry(null);
    }
    return writtenIndex;
  }

  private int stayingChunk(Chunk chunk) throws StorageException {
    Integer known = stayingIndex.get(chunk);
    if (known == null) {
      known = newEntry(chunk);
      stayingIndex.put(chunk, known);
    }
    return known;
  }

  private int newEntry(@Nullable Chunk chunk) throws StorageException {
    if (table.size() == Descriptor.MAX_CHUNKS) {
      throw new StorageException(
          Kind.INVALID,
          "a run can't have over " + Descriptor.MAX_CHUNKS + " files, which are some 3 TiB");
    }
    TableEntry entry = new TableEntry();
    entry.chunk = chunk;
    table.add(entry);
    return table.size() - 1;
  }

  private int epochIndex(Epoch which) throws StorageException {
    if (which != lastEpoch) {
      lastEpochIndex = indexOf(which);
      lastEpoch = which;
    }
    return lastEpochIndex;
  }

  private int indexOf(Epoch which) throws StorageException {
    ByteBuffer salt = ByteBuffer.wrap(which.salt());
    Integer known = epochIndex.get(salt);
    if (known != null) {
      return known;
    }
    if (epochs.size() == Descriptor.MAX_EPOCHS) {
      throw new StorageException(
          Kind.NO_SPACE, "a run holds values of over " + Descriptor.MAX_EPOCHS + " epochs");
    }
    epochIndex.put(salt, epochs.size());
    epochs.add(which);
    return epochs.size() - 1;
  }

  /** Ends the run, which comes with one reference. Nothing is synced yet. */
  public Finished finish() throws IOException {
    sources.verify();
    flushZeros();
    TreeWriter.Top top = tree.finish();
    PresenceSet has = presence.build();
    List<NodePointer> hasPointer = writePresence(has);
    List<Chunk> written = values.finish();
    List<Chunk> chunks = takeReferences(written);
    Descriptor descriptor = descriptor(top, hasPointer, chunks);
    Encoder encoded = new Encoder(1 << 12);
    descriptor.encodeTo(encoded);
    NodePointer pointer;
    Chunk file;
    try {
      pointer = tree.writeNode(encoded);
      file = treeOut.finish();
    } catch (IOException e) {
      for (Chunk chunk : chunks) {
        catalog.chunks().release(chunk);
      }
      throw e;
    }
    RunRef ref = new RunRef(level, file.id(), file.size(), epoch.keyId(), epoch.salt(), pointer);
    Run.Content content =
        new Run.Content(
            descriptor,
            new NodeFile(file, epoch),
            List.copyOf(epochs),
            chunks,
            catalog.cache(),
            hasPointer.isEmpty() ? null : catalog.presences().admit(has));
    List<Chunk> fresh = new ArrayList<>(written);
    fresh.add(file);
    return new Finished(catalog.add(ref, file, content), fresh);
  }

  private List<NodePointer> writePresence(PresenceSet has) throws IOException {
    if (has.weightBytes() > PresenceSet.MAX_BYTES) {
      return List.of();
    }
    Encoder encoded = new Encoder(has.weightBytes());
    has.encodeTo(encoded);
    return List.of(tree.writeNode(encoded));
  }

  /** The run's chunks in the order of its table, each with a reference of the run's. */
  private List<Chunk> takeReferences(List<Chunk> written) {
    List<Chunk> chunks = new ArrayList<>();
    int next = 0;
    for (TableEntry entry : table) {
      if (entry.chunk == null) {
        entry.chunk = written.get(next++);
      } else {
        catalog.chunks().retain(entry.chunk);
      }
      chunks.add(entry.chunk);
    }
    return chunks;
  }

  private Descriptor descriptor(
      TreeWriter.Top top, List<NodePointer> hasPointer, List<Chunk> chunks) {
    List<Descriptor.EpochRef> epochRefs =
        epochs.stream().map(e -> new Descriptor.EpochRef(e.keyId(), e.salt())).toList();
    List<Descriptor.ChunkRef> chunkRefs = new ArrayList<>();
    for (int i = 0; i < chunks.size(); i++) {
      Chunk chunk = chunks.get(i);
      chunkRefs.add(new Descriptor.ChunkRef(chunk.id(), chunk.size(), table.get(i).liveBytes));
    }
    return new Descriptor(
        diskBlocks,
        valueCount,
        valueBytes,
        zeroBlocks,
        top.height(),
        top.pointer(),
        hasPointer,
        epochRefs,
        chunkRefs);
  }

  /**
   * A run and the files that were written for it.
   *
   * @param fresh to be synced before a durable root refers to the run
   */
  public record Finished(Run run, List<Chunk> fresh) {}

  @Override
  public void close() throws IOException {
    try (treeOut;
        values) {
      codec.giveBack();
    }
  }

  /** Whether the 4096 bytes from an offset are all zero. */
  public static boolean isZero(byte[] bytes, int offset) {
    return bytes[offset] == 0
        && Arrays.equals(
            bytes,
            offset,
            offset + Dubtree.BLOCK_BYTES - 1,
            bytes,
            offset + 1,
            offset + Dubtree.BLOCK_BYTES);
  }
}
