package io.bailey.daemon;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Chooses where a store's volatile part lies: a directory on a memory file system that the next
 * daemon on the same store finds again.
 *
 * <p>Shared memory comes first, since its place follows from the store alone: a daemon that is
 * started again with another run directory still finds what the last one acknowledged. It is also
 * the larger one as a rule (half of the machine; {@code /run} a tenth). The run directory serves
 * where there is no shared memory.
 */
final class MemoryDirectory {
  static final Path SHARED = Path.of("/dev/shm");

  private MemoryDirectory() {}

  /** Makes or finds the directory, 0700; kind {@code INVALID} where no memory file system is. */
  static Path choose(Path store, RunDirectory run) throws IOException {
    return choose(store, run, SHARED);
  }

  static Path choose(Path store, RunDirectory run, Path shared) throws IOException {
    String name = nameOf(store);
    for (Path parent : new Path[] {shared, run.directory()}) {
      if (Files.isDirectory(parent) && Files.isWritable(parent) && isMemory(parent)) {
        Path directory = parent.resolve(name);
        RunDirectory.makeOwnerOnly(directory);
        return directory;
      }
    }
    throw new StorageException(
        StorageException.Kind.INVALID,
        "no memory file system at "
            + shared
            + " or "
            + run.directory()
            + ": mount a tmpfs, or give one with --run-dir");
  }

  private static boolean isMemory(Path directory) throws IOException {
    String type = Files.getFileStore(directory).type();
    return type.equals("tmpfs") || type.equals("ramfs");
  }

  /** The directory's name, the same for all paths to a store, whether it exists yet or not. */
  static String nameOf(Path store) throws IOException {
    Path existing = store.toAbsolutePath().normalize();
    Path missing = Path.of("");
    while (!Files.exists(existing)) {
      Path name = existing.getFileName();
      Path parent = existing.getParent();
      if (name == null || parent == null) {
        throw new StorageException(StorageException.Kind.IO, "no root directory above " + store);
      }
      missing = name.resolve(missing);
      existing = parent;
    }
    String real = existing.toRealPath().resolve(missing).normalize().toString();
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(real.getBytes(StandardCharsets.UTF_8));
      return "bailey-" + HexFormat.of().formatHex(hash, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
