package io.bailey.io;

import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A directory's files as they were at one moment, in memory, where a test changes their bytes. */
public final class FlippedFiles implements HostFiles {
  private final HostFiles real = new LocalFiles();
  private final Map<Path, byte[]> frozen = new TreeMap<>();

  public FlippedFiles(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.filter(Files::isRegularFile).toList()) {
        frozen.put(path, Files.readAllBytes(path));
      }
    }
  }

  /** The files, in the order of their names. */
  public List<Path> paths() {
    return List.copyOf(frozen.keySet());
  }

  /** A file's bytes: a change of them is one of the file. */
  public byte[] bytes(Path path) {
    byte[] bytes = frozen.get(path);
    if (bytes == null) {
      throw new IllegalArgumentException(path + " isn't there");
    }
    return bytes;
  }

  @Override
  public HostFile open(Path path) throws IOException {
    byte[] bytes = frozen.get(path);
    return bytes == null ? real.open(path) : new MemoryFile(path, bytes);
  }

  @Override
  public long usableBytes(Path directory) throws IOException {
    return real.usableBytes(directory);
  }

  @Override
  public HostFile create(Path path) throws IOException {
    return real.create(path);
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    real.rename(from, to);
    if (frozen.containsKey(to)) {
      frozen.put(to, Files.readAllBytes(to));
    }
  }

  @Override
  public void delete(Path path) throws IOException {
    if (frozen.containsKey(path)) {
      throw new IllegalStateException("deleted: " + path);
    }
    real.delete(path);
  }

  @Override
  public void createDirectories(Path path) throws IOException {
    real.createDirectories(path);
  }

  @Override
  public List<String> list(Path directory) throws IOException {
    return real.list(directory);
  }

  @Override
  public boolean exists(Path path) {
    return real.exists(path);
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    real.syncDirectory(directory);
  }

  private record MemoryFile(Path path, byte[] bytes) implements HostFile {
    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      if (offset + length > bytes.length) {
        throw new StorageException(Kind.DAMAGED, path + " ends before " + (offset + length));
      }
      System.arraycopy(bytes, (int) offset, dst, dstOffset, length);
    }

    @Override
    public void write(long offset, byte[] src, int srcOffset, int length) {
      throw new IllegalStateException("written: " + path);
    }

    @Override
    public void sync() {}

    @Override
    public void close() {}
  }
}
