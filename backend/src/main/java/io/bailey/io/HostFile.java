package io.bailey.io;

import java.io.IOException;

/** An open file. Thread-safe; failures are {@link StorageException}s that name file and offset. */
public interface HostFile extends AutoCloseable {
  /** Bytes. */
  long size() throws IOException;

  /**
   * Fills {@code length} bytes of {@code dst}.
   *
   * @throws StorageException kind {@code DAMAGED} if the file ends before that
   */
  void read(long offset, byte[] dst, int dstOffset, int length) throws IOException;

  /** Writes all of {@code length} bytes, extending the file where needed. */
  void write(long offset, byte[] src, int srcOffset, int length) throws IOException;

  /** Makes what was written survive power loss ({@code fdatasync}). */
  void sync() throws IOException;

  @Override
  void close() throws IOException;
}
