package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.crypto.Aead;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.util.Arrays;

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

  private final int count;
  private final long[] start;

  /** Zeros: blocks. Values: offset in the chunk. */
  private final long[] place;

  /** Zeros: 0. Values: stored bytes. */
  private final short[] size;

  private final int[] chunk;
  private final short[] epoch;
  private final long[] counter;
  private final byte[] tags;

  private Leaf(int count) {
    this.count = count;
    start = new long[count];
    place = new long[count];
    size = new short[count];
    chunk = new int[count];
    epoch = new short[count];
    counter = new long[count];
    tags = new byte[count * Aead.TAG_BYTES];
  }

  int count() {
    return count;
  }

  /** The first block of an entry. */
  long start(int i) {
    return start[i];
  }

  /** The block after an entry. */
  long end(int i) {
    return start[i] + (size[i] == 0 ? place[i] : 1);
  }

  boolean isZero(int i) {
    return size[i] == 0;
  }

  /** Stored bytes of a value. */
  int size(int i) {
    return size[i];
  }

  /** A value's index in the run's table of chunks. */
  int chunk(int i) {
    return chunk[i];
  }

  /** A value's first byte in its chunk. */
  long offset(int i) {
    return place[i];
  }

  /** A value's index in the run's table of epochs. */
  int epoch(int i) {
    return epoch[i];
  }

  long counter(int i) {
    return counter[i];
  }

  /** The tags of all entries, 16 bytes each. */
  byte[] tags() {
    return tags;
  }

  /** The last entry that begins at or before a block; -1 if none does. */
  int floor(long block) {
    int found = Arrays.binarySearch(start, block);
    return found >= 0 ? found : -found - 2;
  }

  @Override
  public int weightBytes() {
    return 128 + count * (8 + 8 + 2 + 4 + 2 + 8 + Aead.TAG_BYTES);
  }

  static Leaf decode(Decoder in, Limits limits) throws StorageException {
    Leaf leaf = new Leaf(in.getVarInt(1, MAX_ENTRIES));
    long block = 0;
    for (int i = 0; i < leaf.count; i++) {
      long head = in.getVar();
      block += head >>> 3;
      leaf.start[i] = block;
      if ((head & ZERO) != 0) {
        leaf.place[i] = in.getVar();
        if (i > 0) {
          leaf.chunk[i] = leaf.chunk[i - 1];
          leaf.epoch[i] = leaf.epoch[i - 1];
          leaf.counter[i] = leaf.counter[i - 1];
        }
      } else {
        leaf.decodeValue(i, head, in, limits);
      }
      block = leaf.end(i);
      if (block <= leaf.start[i] || block > limits.blocks()) {
        throw in.damaged("holds block " + block + " of " + limits.blocks());
      }
    }
    return leaf;
  }

  private void decodeValue(int i, long head, Decoder in, Limits limits) throws StorageException {
    size[i] = (short) in.getVarInt(1, Dubtree.BLOCK_BYTES);
    if ((head & CONTIGUOUS) == 0) {
      chunk[i] = in.getVarInt(0, limits.chunks() - 1);
      place[i] = in.getVar();
    } else {
      int before = valueBefore(i, in);
      chunk[i] = chunk[before];
      place[i] = place[before] + size[before];
    }
    if ((head & SEQUENTIAL) == 0) {
      epoch[i] = (short) in.getVarInt(0, limits.epochs() - 1);
      counter[i] = in.getVar();
    } else {
      valueBefore(i, in);
      epoch[i] = epoch[i - 1];
      counter[i] = counter[i - 1] + 1;
    }
    in.getBytes(tags, i * Aead.TAG_BYTES, Aead.TAG_BYTES);
  }

  private int valueBefore(int i, Decoder in) throws StorageException {
    for (int j = i - 1; j >= 0; j--) {
      if (size[j] != 0) {
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
