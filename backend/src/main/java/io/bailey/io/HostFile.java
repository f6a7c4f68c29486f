package io.bailey.io;

import java.io.IOException;
import java.nio.file.Path;

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

  /**
   * Fills {@code length} bytes of {@code dst} if they are in the host's memory already.
   *
   * @return false, with {@code dst} undefined, if reading them would wait for a disk, or the host
   *     can't tell
   */
  default boolean tryRead(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    return false;
  }

  /** Writes all of {@code length} bytes, extending the file where needed. */
  void write(long offset, byte[] src, int srcOffset, int length) throws IOException;

  /** Makes a file without data that many bytes of zeros long, with room for every one. */
  default void allocate(long bytes) throws IOException {
    byte[] zeros = new byte[1 << 16];
    for (long at = 0; at < bytes; at += zeros.length) {
      write(at, zeros, 0, (int) Math.min(zeros.length, bytes - at));
    }
  }

  /** Has the disk begin with what was written there, and waits for nothing; a hint. */
  default void writeOut(long offset, long length) {}

  /** Hears that the file has got another name, for {@link #tryRead} and for messages. */
  default void renamed(Path to) {}

  /** Makes what was written survive power loss ({@code fdatasync}). */
  void sync() throws IOException;

  @Override
  void close() throws IOException;
}
