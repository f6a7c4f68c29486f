package io.bailey.volume;

import java.io.IOException;

/** A disk to be imported, read once from its start to its end. */
public interface DiskSource extends AutoCloseable {
  /** Bytes of the disk; a multiple of 512. */
  long size();

  /**
   * Where the next bytes that may not be zero begin, at or after {@code offset}; {@link #size} if
   * there are none.
   */
  long nextData(long offset) throws IOException;

  /** Fills {@code length} bytes of {@code dst}; the range lies within the disk. */
  void read(long offset, byte[] dst, int dstOffset, int length) throws IOException;

  @Override
  void close() throws IOException;
}
