package io.bailey.dubtree;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.util.Arrays;

/**
 * Which blocks a run has an entry for, exactly: it spares a look-up the runs that don't have a
 * block. About 2 bytes a block. Immutable.
 *
 * <p>Blocks with a value are kept by their upper bits in groups of 65536, each a sorted list of the
 * lower 16 bits or, above 4096 of them, a bitmap (the containers of Roaring bitmaps, Lemire et al.,
 * 2016). Ranges of zeros are kept as ranges.
 *
 * <pre>
 * u8  4
 * var groups
 * per group: var upper bits, less those of the group before; var blocks, 1 to 65536
 *            up to 4096 blocks: u16 lower bits of each; more: 1024 u64 of bits
 * var ranges
 * per range: var blocks since the end of the one before; var blocks
 * </pre>
 */
final class PresenceSet {
  static final int TYPE = 4;

  /** A larger set isn't kept: of so large a run nearly every block would be asked for anyway. */
  static final int MAX_BYTES = 16 << 20;

  private static final int GROUP_SHIFT = 16;
  private static final int GROUP_BLOCKS = 1 << GROUP_SHIFT;
  private static final int LOW = GROUP_BLOCKS - 1;
  private static final int MAX_LISTED = 4096;

  /** Of a search: as many blocks as a cache line of a list has. */
  private static final int FIRST_STEP = 32;

  private static final int WORDS = GROUP_BLOCKS / Long.SIZE;
  private static final int MAX_GROUPS = 1 << 20;
  private static final int MAX_RANGES = 1 << 26;

  private final long[] upper;

  /** Per group: a {@code char[]} of lower bits, or a {@code long[]} of bits. */
  private final Object[] groups;

  private final long[] zeroStart;
  private final long[] zeroEnd;

  private PresenceSet(long[] upper, Object[] groups, long[] zeroStart, long[] zeroEnd) {
    this.upper = upper;
    this.groups = groups;
    this.zeroStart = zeroStart;
    this.zeroEnd = zeroEnd;
  }

  /** Whether the run has an entry for any block of a range. */
  boolean hasAny(long from, long to) {
    return hasValue(from, to) || hasZeros(from, to);
  }

  private boolean hasZeros(long from, long to) {
    int at = zerosFrom(from);
    return at < zeroStart.length && zeroStart[at] < to;
  }

  private boolean hasValue(long from, long to) {
    long last = to - 1;
    int found = Arrays.binarySearch(upper, from >>> GROUP_SHIFT);
    for (int i = found >= 0 ? found : -found - 1;
        i < upper.length && upper[i] <= last >>> GROUP_SHIFT;
        i++) {
      int low = upper[i] == from >>> GROUP_SHIFT ? (int) from & LOW : 0;
      int high = upper[i] == last >>> GROUP_SHIFT ? (int) last & LOW : LOW;
      if (inGroup(groups[i], low, high)) {
        return true;
      }
    }
    return false;
  }

  private static boolean inGroup(Object group, int low, int high) {
    if (group instanceof char[] listed) {
      int at = ceiling(listed, low);
      return at < listed.length && listed[at] <= high;
    }
    long[] bits = (long[]) group;
    int first = low >>> 6;
    int end = high >>> 6;
    for (int word = first; word <= end; word++) {
      long mask = -1L;
      if (word == first) {
        mask &= -1L << low;
      }
      if (word == end) {
        mask &= -1L >>> (63 - (high & 63));
      }
      if ((bits[word] & mask) != 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * The first of a group's list that isn't below a number; its length if none is. Interpolates over
   * the whole group, then goes on as {@link Leaf#floor}.
   */
  private static int ceiling(char[] listed, int number) {
    int count = listed.length;
    int low = ((number * count) >>> GROUP_SHIFT) - 1;
    int high = low;
    for (int step = FIRST_STEP; low >= 0 && listed[low] >= number; step *= 2) {
      high = low;
      low = Math.max(-1, low - step);
    }
    for (int step = FIRST_STEP; high == low; step *= 2) {
      high = Math.min(count, low + step);
      if (high < count && listed[high] < number) {
        low = high;
      }
    }
    int found = Arrays.binarySearch(listed, low + 1, high, (char) number);
    return found >= 0 ? found : -found - 1;
  }

  /** Reports the pieces of a range that the run has entries for, in order. */
  void pieces(long from, long to, RunCoverage.Piece visitor) {
    long at = from;
    while (at < to) {
      int zeros = zerosFrom(at);
      long zeroAt = zeros < zeroStart.length ? Math.max(at, zeroStart[zeros]) : to;
      long value = nextValue(at, Math.min(to, zeroAt));
      long start = Math.min(value, zeroAt);
      if (start >= to) {
        return;
      }
      long end = start == zeroAt ? Math.min(to, zeroEnd[zeros]) : start + 1;
      visitor.piece(start, end);
      at = end;
    }
  }

  /** The first range of zeros that ends after a block. */
  private int zerosFrom(long block) {
    int found = Arrays.binarySearch(zeroStart, block);
    int at = found >= 0 ? found : -found - 1;
    return at > 0 && zeroEnd[at - 1] > block ? at - 1 : at;
  }

  /** The first block with a value in a range; {@code to} if none has one. */
  private long nextValue(long from, long to) {
    long width = 1;
    while (width < to - from && !hasValue(from, from + width)) {
      width *= 2;
    }
    long low = from;
    long high = Math.min(to, from + width);
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (hasValue(from, middle + 1)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low < to && hasValue(low, low + 1) ? low : to;
  }

  /** Bytes of memory it takes. */
  int weightBytes() {
    long bytes = 96 + 16L * upper.length + 16L * zeroStart.length;
    for (Object group : groups) {
      bytes += 16 + (group instanceof char[] listed ? 2L * listed.length : 8L * WORDS);
    }
    return (int) Math.min(Integer.MAX_VALUE, bytes);
  }

  void encodeTo(Encoder out) {
    out.putByte(TYPE).putVar(upper.length);
    long before = 0;
    for (int i = 0; i < upper.length; i++) {
      out.putVar(upper[i] - before);
      before = upper[i];
      if (groups[i] instanceof char[] listed) {
        out.putVar(listed.length);
        for (char low : listed) {
          out.putByte(low >>> 8).putByte(low);
        }
      } else {
        long[] bits = (long[]) groups[i];
        out.putVar(Arrays.stream(bits).mapToInt(Long::bitCount).sum());
        for (long word : bits) {
          out.putLong(word);
        }
      }
    }
    out.putVar(zeroStart.length);
    long end = 0;
    for (int i = 0; i < zeroStart.length; i++) {
      out.putVar(zeroStart[i] - end).putVar(zeroEnd[i] - zeroStart[i]);
      end = zeroEnd[i];
    }
  }

  static PresenceSet decode(Decoder in) throws StorageException {
    if (in.getByte() != TYPE) {
      throw in.damaged("is no set of blocks");
    }
    int count = in.getVarInt(0, MAX_GROUPS);
    Builder set = new Builder();
    long high = 0;
    for (int i = 0; i < count; i++) {
      long step = in.getVar();
      high += step;
      if (step < 0 || (step == 0 && i > 0) || high > Dubtree.MAX_BLOCKS >>> GROUP_SHIFT) {
        throw in.damaged("has groups out of order");
      }
      int blocks = in.getVarInt(1, GROUP_BLOCKS);
      set.addGroup(high, blocks <= MAX_LISTED ? decodeList(in, blocks) : decodeBits(in));
    }
    int ranges = in.getVarInt(0, MAX_RANGES);
    long end = 0;
    for (int i = 0; i < ranges; i++) {
      long start = end + in.getVar();
      end = start + in.getVar();
      if (start < 0 || end <= start || end > Dubtree.MAX_BLOCKS) {
        throw in.damaged("has ranges out of order");
      }
      set.addZeros(start, end);
    }
    return set.build();
  }

  private static char[] decodeList(Decoder in, int blocks) throws StorageException {
    char[] listed = new char[blocks];
    int before = -1;
    for (int j = 0; j < blocks; j++) {
      listed[j] = (char) (in.getByte() << 8 | in.getByte());
      if (listed[j] <= before) {
        throw in.damaged("has blocks out of order");
      }
      before = listed[j];
    }
    return listed;
  }

  private static long[] decodeBits(Decoder in) throws StorageException {
    long[] bits = new long[WORDS];
    for (int j = 0; j < WORDS; j++) {
      bits[j] = in.getLong();
    }
    return bits;
  }

  /** Collects blocks and ranges in their order. One thread. */
  static final class Builder {
    private long[] upper = new long[4];
    private Object[] groups = new Object[4];
    private int groupCount;
    private long high = -1;
    private char[] listed = new char[64];
    private int listedCount;
    private long[] bits = new long[0];
    private long[] zeroStart = new long[4];
    private long[] zeroEnd = new long[4];
    private int zeroCount;

    void addValue(long block) {
      long its = block >>> GROUP_SHIFT;
      if (its != high) {
        endGroup();
        high = its;
      }
      int low = (int) block & LOW;
      if (bits.length > 0) {
        bits[low >>> 6] |= 1L << low;
      } else if (listedCount == MAX_LISTED) {
        bits = new long[WORDS];
        for (char one : listed) {
          bits[one >>> 6] |= 1L << one;
        }
        bits[low >>> 6] |= 1L << low;
      } else {
        if (listedCount == listed.length) {
          listed = Arrays.copyOf(listed, 2 * listedCount);
        }
        listed[listedCount++] = (char) low;
      }
    }

    void addZeros(long start, long end) {
      if (zeroCount == zeroStart.length) {
        zeroStart = Arrays.copyOf(zeroStart, 2 * zeroCount);
        zeroEnd = Arrays.copyOf(zeroEnd, 2 * zeroCount);
      }
      zeroStart[zeroCount] = start;
      zeroEnd[zeroCount++] = end;
    }

    private void endGroup() {
      if (bits.length > 0) {
        addGroup(high, bits);
      } else if (listedCount > 0) {
        addGroup(high, Arrays.copyOf(listed, listedCount));
      }
      bits = new long[0];
      listedCount = 0;
    }

    private void addGroup(long itsUpper, Object group) {
      if (groupCount == upper.length) {
        upper = Arrays.copyOf(upper, 2 * groupCount);
        groups = Arrays.copyOf(groups, 2 * groupCount);
      }
      upper[groupCount] = itsUpper;
      groups[groupCount++] = group;
    }

    PresenceSet build() {
      endGroup();
      return new PresenceSet(
          Arrays.copyOf(upper, groupCount),
          Arrays.copyOf(groups, groupCount),
          Arrays.copyOf(zeroStart, zeroCount),
          Arrays.copyOf(zeroEnd, zeroCount));
    }
  }
}
