package io.bailey.volume;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;

/** A disk whose block n has {@link TestStore#content} of a base + n, up to where it is damaged. */
final class RandomDisk implements DiskSource {
  private final long base;
  private final int blocks;
  private final int failsAt;

  RandomDisk(long base, int blocks, int failsAt) {
    this.base = base;
    this.blocks = blocks;
    this.failsAt = failsAt;
  }

  RandomDisk(long base, int blocks) {
    this(base, blocks, Integer.MAX_VALUE);
  }

  @Override
  public long size() {
    return blocks * 4096L;
  }

  @Override
  public long nextData(long offset) {
    return offset;
  }

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws StorageException {
    for (int i = 0; i < length; i += 4096) {
      long block = (offset + i) / 4096;
      if (block >= failsAt) {
        throw new StorageException(Kind.IO, "the source broke");
      }
      System.arraycopy(TestStore.content(base + block), 0, dst, dstOffset + i, 4096);
    }
  }

  @Override
  public void close() {}
}
