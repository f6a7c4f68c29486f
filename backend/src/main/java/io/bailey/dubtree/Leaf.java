package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.crypto.Aead;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A decoded leaf: entries in the order of their blocks, none overlapping. An entry is either one
 * block's value or a range of zeros. Immutable.
 *
 * <p>On disk (see {@link Encoder} for {@code var}):
 *
 * <pre>
 * u8  2
 * var entries
 * per entry:
 *   var (blocks since the end of the entry before) &lt;&lt; 3 | flags
 *        flag 1: zeros; 2: right after the value before, in the same chunk;
 *        4: sealed right after the value before, in the same epoch
 *   zeros: var blocks
 *   value: var bytes (4096: not compressed)
 *          unless flag 2: var chunk, var offset
 *          unless flag 4: var epoch, var counter
 *          16  tag
 * </pre>
 */
final class Leaf implements BlockCache.Node {
  static final int TYPE = 2;
  static final int MAX_ENTRIES = 256;

  private static final int ZERO = 1;
  private static final int CONTIGUOUS = 2;
  private static final int SEQUENTIAL = 4;

  private static final int START_BYTES = Long.BYTES;

  /** Zeros: blocks. Values: offset in the chunk. */
  private static final int PLACE = 0;

  private static final int COUNTER = PLACE + Long.BYTES;
  private static final int CHUNK = COUNTER + Long.BYTES;
  private static final int EPOCH = CHUNK + Integer.BYTES;

  /** Zeros: 0. Values: stored bytes. */
  private static final int SIZE = EPOCH + Short.BYTES;

  private static final int TAG = SIZE + Short.BYTES;
  private static final int RECORD_BYTES = TAG + Aead.TAG_BYTES;

  /** Of a search: as many starts as a cache line has. */
  private static final int FIRST_STEP = 8;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.nativeOrder());

  private final int count;

  /** The start of the first entry. */
  private final long first;

  /** The start of the last entry. */
  private final long last;

  /**
   * The starts of all entries, then a record for each. One array, as what a look-up costs is the
   * cache lines that it touches.
   */
  private final byte[] bytes;

  private Leaf(Decoder in, Limits limits) throws StorageException {
    count = in.getVarInt(1, MAX_ENTRIES);
    bytes = new byte[count * (START_BYTES + RECORD_BYTES)];
    long block = 0;
    for (int i = 0; i < count; i++) {
      long head = in.getVar();
      long start = block + (head >>> 3);
      LONG.set(bytes, i * START_BYTES, start);
      if ((head & ZERO) != 0) {
        decodeZeros(i, in);
      } else {
        decodeValue(i, head, in, limits);
      }
      block = end(i);
      if (block <= start || block > limits.blocks()) {
        throw in.damaged("holds block " + block + " of " + limits.blocks());
      }
    }
    first = start(0);
    last = start(count - 1);
  }

  static Leaf decode(Decoder in, Limits limits) throws StorageException {
    return new Leaf(in, limits);
  }

  private int record(int i) {
    return count * START_BYTES + i * RECORD_BYTES;
  }

  int count() {
    return count;
  }

  /** The first block of an entry. */
  long start(int i) {
    return (long) LONG.get(bytes, i * START_BYTES);
  }

  /** The block after an entry. */
  long end(int i) {
    return start(i) + (isZero(i) ? offset(i) : 1);
  }

  boolean isZero(int i) {
    return size(i) == 0;
  }

  /** Stored bytes of a value. */
  int size(int i) {
    return (short) SHORT.get(bytes, record(i) + SIZE);
  }

  /** A value's index in the run's table of chunks. */
  int chunk(int i) {
    return (int) INT.get(bytes, record(i) + CHUNK);
  }

  /** A value's first byte in its chunk. */
  long offset(int i) {
    return (long) LONG.get(bytes, record(i) + PLACE);
  }

  /** A value's index in the run's table of epochs. */
  int epoch(int i) {
    return (short) SHORT.get(bytes, record(i) + EPOCH);
  }

  long counter(int i) {
    return (long) LONG.get(bytes, record(i) + COUNTER);
  }

  /** An array with the tag of an entry, at {@link #tagAt}. */
  byte[] tags() {
    return bytes;
  }

  int tagAt(int i) {
    return record(i) + TAG;
  }

  /**
   * The last entry that begins at or before a block; -1 if none does. Interpolates once, gallops to
   * the side where it lies, and ends with a binary search: of blocks written at random that touches
   * two or three cache lines where a binary search alone touches six.
   */
  int floor(long block) {
    if (block < first) {
      return -1;
    }
    if (block >= last) {
      return count - 1;
    }
    int low = (int) ((block - first) * (count - 1) / (last - first));
    int high = low;
    for (int step = FIRST_STEP; start(low) > block; step *= 2) {
      high = low;
      low = Math.max(0, low - step);
    }
    for (int step = FIRST_STEP; high == low; step *= 2) {
      high = Math.min(count - 1, low + step);
      if (start(high) <= block) {
        low = high;
      }
    }
    while (high - low > 1) {
      int middle = (low + high) >>> 1;
      if (start(middle) <= block) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }

  @Override
  public int weightBytes() {
    return 64 + bytes.length;
  }

  private void decodeZeros(int i, Decoder in) throws StorageException {
    if (i > 0) {
      System.arraycopy(bytes, record(i - 1), bytes, record(i), RECORD_BYTES);
    }
    setSizeAndPlace(i, 0, in.getVar());
  }

  private void decodeValue(int i, long head, Decoder in, Limits limits) throws StorageException {
    int size = in.getVarInt(1, Dubtree.BLOCK_BYTES);
    int chunk;
    long offset;
    if ((head & CONTIGUOUS) == 0) {
      chunk = in.getVarInt(0, limits.chunks() - 1);
      offset = in.getVar();
    } else {
      int before = valueBefore(i, in);
      chunk = chunk(before);
      offset = offset(before) + size(before);
    }
    int epoch;
    long counter;
    if ((head & SEQUENTIAL) == 0) {
      epoch = in.getVarInt(0, limits.epochs() - 1);
      counter = in.getVar();
    } else {
      valueBefore(i, in);
      epoch = epoch(i - 1);
      counter = counter(i - 1) + 1;
    }
    setSizeAndPlace(i, size, offset);
    INT.set(bytes, record(i) + CHUNK, chunk);
    SHORT.set(bytes, record(i) + EPOCH, (short) epoch);
    LONG.set(bytes, record(i) + COUNTER, counter);
    in.getBytes(bytes, tagAt(i), Aead.TAG_BYTES);
  }

  private void setSizeAndPlace(int i, int size, long place) {
    SHORT.set(bytes, record(i) + SIZE, (short) size);
    LONG.set(bytes, record(i) + PLACE, place);
  }

  private int valueBefore(int i, Decoder in) throws StorageException {
    for (int j = i - 1; j >= 0; j--) {
      if (!isZero(j)) {
        return j;
      }
    }
    throw in.damaged("refers to a value before its first");
  }

  /** How large the numbers in a leaf may be. */
  record Limits(long blocks, int chunks, int epochs) {}

  /** Collects the entries of a leaf to be written. One thread; cleared and used again. */
  static final class Builder {
    private final Encoder body = new Encoder(8192);
    private int count;
    private long firstBlock;
    private long block;
    private int lastChunk = -1;
    private long lastEnd;
    private int lastEpoch = -1;
    private long lastCounter;

    int count() {
      return count;
    }

    /** The first block of the first entry. */
    long firstBlock() {
      return firstBlock;
    }

    void addZeros(long first, long blocks) {
      head(first, ZERO);
      body.putVar(blocks);
      block = first + blocks;
    }

    void addValue(
        long at, int size, int chunk, long offset, int epoch, long counter, byte[] tags, int tag) {
      int flags = 0;
      if (chunk == lastChunk && offset == lastEnd) {
        flags |= CONTIGUOUS;
      }
      if (epoch == lastEpoch && counter == lastCounter + 1) {
        flags |= SEQUENTIAL;
      }
      head(at, flags);
      body.putVar(size);
      if ((flags & CONTIGUOUS) == 0) {
        body.putVar(chunk).putVar(offset);
      }
      if ((flags & SEQUENTIAL) == 0) {
        body.putVar(epoch).putVar(counter);
      }
      body.putBytes(tags, tag, Aead.TAG_BYTES);
      block = at + 1;
      lastChunk = chunk;
      lastEnd = offset + size;
      lastEpoch = epoch;
      lastCounter = counter;
    }

    private void head(long first, int flags) {
      if (count == 0) {
        firstBlock = first;
      }
      body.putVar((first - block) << 3 | flags);
      count++;
    }

    void encodeTo(Encoder out) {
      out.putByte(TYPE).putVar(count).putBytes(body.array(), 0, body.size());
    }

    void clear() {
      body.clear();
      count = 0;
      block = 0;
      lastChunk = -1;
      lastEpoch = -1;
    }
  }
}
