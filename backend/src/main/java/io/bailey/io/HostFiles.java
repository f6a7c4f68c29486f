package io.bailey.io;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The host's file system, as much of it as the engine uses, the size of the system calls. All disk
 * I/O on a store's files goes through here, but for its lock, so that a test can stand in for the
 * disk and fail any call. Disks that are imported are read without it. Thread-safe. Failures are
 * {@link StorageException}s that name the file.
 */
public interface HostFiles {
  /** Opens a file that must exist. */
  HostFile open(Path path) throws IOException;

  /** Makes a file that must not exist, mode 0600, open for reading and writing. */
  HostFile create(Path path) throws IOException;

  /** Gives a file a new name, replacing what has it; durable once the directory is synced. */
  void rename(Path from, Path to) throws IOException;

  /** Removes a file; it is no error if there is none. */
  void delete(Path path) throws IOException;

  /** Makes a directory and its parents, mode 0700. */
  void createDirectories(Path path) throws IOException;

  /** Names in a directory, in no order; none if there is no such directory. */
  List<String> list(Path directory) throws IOException;

  boolean exists(Path path);

  /** Makes creations, renames and removals in a directory survive power loss. */
  void syncDirectory(Path directory) throws IOException;

  /** Bytes that could still be written to the file system of a directory, about. */
  long usableBytes(Path directory) throws IOException;
}
