package io.bailey.fuzz;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.nio.file.Path;
import java.util.List;

/** A file system in memory that has one file, which is there under every name and never changes. */
public record OneFile(String name, byte[] bytes) implements HostFiles, HostFile {
  @Override
  public HostFile open(Path path) {
    return this;
  }

  @Override
  public boolean exists(Path path) {
    return true;
  }

  @Override
  public List<String> list(Path directory) {
    return List.of(name);
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws StorageException {
    if (offset < 0 || length < 0 || length > bytes.length - offset) {
      throw new StorageException(Kind.DAMAGED, name + " ends before " + offset + "+" + length);
    }
    System.arraycopy(bytes, (int) offset, dst, dstOffset, length);
  }

  @Override
  public void createDirectories(Path path) {}

  @Override
  public void delete(Path path) {}

  @Override
  public void close() {}

  @Override
  public HostFile create(Path path) {
    return this;
  }

  @Override
  public void rename(Path from, Path to) {}

  @Override
  public void syncDirectory(Path directory) {}

  /** Recovery makes a copy of what it has read; it changes nothing here. */
  @Override
  public void write(long offset, byte[] src, int srcOffset, int length) {}

  @Override
  public void sync() {}

  @Override
  public long usableBytes(Path directory) {
    return Long.MAX_VALUE;
  }
}
