package io.bailey.volume;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Objects;

/**
 * The files of a store as long as it lies where it was opened. Once its directory was moved, or
 * another file system mounted over it, no file is opened, made, renamed or deleted there any more:
 * it would be another store's. Which one it is, the lock tells, which is held and not replaced.
 * Thread-safe.
 */
final class HeldFiles implements HostFiles {
  private final HostFiles files;
  private final Path directory;
  private final Path lock;
  private final Object lockKey;

  /**
   * @param lock a file in the directory that this process holds
   */
  HeldFiles(HostFiles files, Path directory, Path lock) throws IOException {
    this.files = files;
    this.directory = directory;
    this.lock = lock;
    this.lockKey = key(lock);
  }

  private static Object key(Path file) throws IOException {
    return Objects.requireNonNull(
        Files.readAttributes(file, BasicFileAttributes.class).fileKey(), "a file's number");
  }

  private void failIfAnothers(Path path) throws IOException {
    if (!path.startsWith(directory)) {
      return;
    }
    String instead;
    try {
      if (key(lock).equals(lockKey)) {
        return;
      }
      instead = "has another lock: it was moved, or another file system is mounted over it";
    } catch (NoSuchFileException e) {
      instead = "has no lock any more: it was moved or unmounted, or " + lock + " deleted";
    } catch (IOException e) {
      throw LocalFiles.failure("look at", lock, e);
    }
    throw new StorageException(
        Kind.IO,
        "store "
            + directory
            + " "
            + instead
            + "; "
            + path
            + " is left alone: stop this process, and start it once the right one is there");
  }

  @Override
  public HostFile open(Path path) throws IOException {
    failIfAnothers(path);
    return files.open(path);
  }

  @Override
  public HostFile create(Path path) throws IOException {
    failIfAnothers(path);
    return files.create(path);
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    failIfAnothers(to);
    files.rename(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    failIfAnothers(path);
    files.delete(path);
  }

  @Override
  public void createDirectories(Path path) throws IOException {
    failIfAnothers(path);
    files.createDirectories(path);
  }

  @Override
  public List<String> list(Path path) throws IOException {
    failIfAnothers(path);
    return files.list(path);
  }

  @Override
  public boolean exists(Path path) {
    return files.exists(path);
  }

  @Override
  public void syncDirectory(Path path) throws IOException {
    failIfAnothers(path);
    files.syncDirectory(path);
  }

  @Override
  public long usableBytes(Path path) throws IOException {
    return files.usableBytes(path);
  }
}
