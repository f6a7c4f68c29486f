package io.bailey.bench;

import io.bailey.volume.DiskSource;
import java.util.Arrays;

/**
 * A disk to import that is mostly empty: extents of the test's data, evenly spread. Nothing of it
 * lies anywhere.
 *
 * @param filledBytes of its blocks that hold data, in whole extents
 */
record SparseDisk(long size, long filledBytes) implements DiskSource {
  static final long EXTENT_BYTES = 4 << 20;

  SparseDisk {
    if (size % EXTENT_BYTES != 0 || filledBytes < EXTENT_BYTES || filledBytes > size) {
      throw new IllegalArgumentException(filledBytes + " bytes don't fill a disk of " + size);
    }
  }

  /** From the beginning of an extent to that of the next one. */
  private long stride() {
    return size / (filledBytes / EXTENT_BYTES) & -EXTENT_BYTES;
  }

  private boolean isFilled(long offset) {
    return offset % stride() < EXTENT_BYTES && offset / stride() < filledBytes / EXTENT_BYTES;
  }

  @Override
  public long nextData(long offset) {
    if (isFilled(offset)) {
      return offset;
    }
    long next = (offset / stride() + 1) * stride();
    return isFilled(next) ? Math.min(next, size) : size;
  }

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) {
    for (int done = 0; done < length; done += Pattern.BLOCK_BYTES) {
      long at = offset + done;
      if (isFilled(at)) {
        Pattern.fill(at / Pattern.BLOCK_BYTES, 1, dst, dstOffset + done);
      } else {
        Arrays.fill(dst, dstOffset + done, dstOffset + done + Pattern.BLOCK_BYTES, (byte) 0);
      }
    }
  }

  @Override
  public void close() {}
}
