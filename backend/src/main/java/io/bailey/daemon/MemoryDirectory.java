package io.bailey.daemon;

import io.bailey.io.LocalFiles;
import io.bailey.io.SmallFile;
import io.bailey.io.StorageException;
import io.bailey.volume.Store;
import io.bailey.volume.StoreMemory;
import java.io.File;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A directory on a memory file system for a store's volatile part, which the next daemon on the
 * same store finds again. One process at a time has it, as it has the store.
 *
 * <p>Shared memory comes first, since its place follows from the store alone: a daemon that is
 * started again with another run directory still finds what the last one acknowledged. It is also
 * the larger one as a rule (half of the machine; {@code /run} a tenth). The run directory serves
 * where there is no shared memory.
 *
 * <p>Its name follows from the store's path and id. By the path alone a store that is made while
 * another one's disk isn't mounted would take that one's for its own; by the id alone a copy would.
 *
 * <p>A file in it says whose it is, so that what a deleted store has left can be told of.
 */
final class MemoryDirectory implements StoreMemory {
  static final Path SHARED = Path.of("/dev/shm");

  private static final System.Logger LOG = System.getLogger(MemoryDirectory.class.getName());
  private static final String PREFIX = "bailey-";
  private static final String STORE = "store";

  private final Path store;
  private final Path parent;
  private @Nullable Path directory;

  /** Makes nothing yet; kind {@code INVALID} where no memory file system is. */
  MemoryDirectory(Path store, RunDirectory run) throws IOException {
    this(store, run, SHARED);
  }

  MemoryDirectory(Path store, RunDirectory run, Path shared) throws IOException {
    this.store = store;
    this.parent = isMemory(shared) ? shared : run.directory();
    if (!isMemory(parent)) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "no memory file system at "
              + shared
              + " or "
              + run.directory()
              + ": mount a tmpfs, or give one with --run-dir");
    }
  }

  /** Makes or finds the directory, 0700. */
  @Override
  public Path of(Optional<UUID> id) throws IOException {
    Path found = parent.resolve(nameOf(store, id));
    failIfAnothers(found, store);
    RunDirectory.makeOwnerOnly(found);
    directory = found;
    noteStore(found, realPath(store));
    return found;
  }

  /**
   * Where to look for what a store that no daemon has open has in shared memory. Anybody can make a
   * directory there, so one that belongs neither to this process's user nor to the store's isn't
   * looked at.
   */
  static Path find(Path store, Optional<UUID> id, Path shared) throws IOException {
    String name = nameOf(store, id);
    Path directory = shared.resolve(name);
    if (Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      int owner = RunDirectory.owner(directory);
      boolean stores = Files.exists(store) && owner == RunDirectory.owner(store.toRealPath());
      if (!stores && owner != RunDirectory.self()) {
        LOG.log(Level.WARNING, directory + " isn't looked at: it belongs to uid " + owner);
        return store.resolve(name); // nothing is there
      }
    }
    return directory;
  }

  private static void failIfAnothers(Path directory, Path store) throws IOException {
    if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    int owner = RunDirectory.owner(directory);
    if (owner != RunDirectory.self()) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "memory for the store "
              + store
              + " is there, in "
              + directory
              + ", and belongs to another user (uid "
              + owner
              + "): start the daemon as that one; or have root delete that directory, and with it"
              + " what a daemon of that user's had acknowledged and not written down when it was"
              + " killed");
    }
  }

  private static void noteStore(Path directory, String store) {
    try {
      byte[] text = store.getBytes(StandardCharsets.UTF_8);
      SmallFile.replace(new LocalFiles(), directory.resolve(STORE), text, text.length);
    } catch (IOException e) {
      // The memory may be full, which is told where it is needed.
      LOG.log(Level.DEBUG, "can''t note {0} in {1}: {2}", store, directory, e.getMessage());
    }
  }

  /** Removes it where no ephemeral volume is and nothing waits to be written. */
  @Override
  public void left() throws IOException {
    if (directory == null) {
      return;
    }
    try {
      Files.deleteIfExists(directory.resolve("volumes"));
    } catch (DirectoryNotEmptyException e) {
      LOG.log(Level.DEBUG, "kept for the next start: " + directory);
      return;
    }
    List<Path> left = list(directory);
    if (left.stream().allMatch(MemoryDirectory::isNote)) {
      for (Path note : left) {
        Files.delete(note);
      }
      Files.deleteIfExists(directory);
    }
  }

  /** Whose the directory is, or what is left of saying so where the memory was full. */
  private static boolean isNote(Path file) {
    return file.endsWith(STORE) || file.endsWith(STORE + ".new");
  }

  /**
   * What is to be said of directories whose stores aren't there any more. Nothing is deleted: a
   * store may be on a disk that isn't mounted now, and this is what was acknowledged last.
   */
  static List<String> orphans(Path shared) {
    List<String> orphans = new ArrayList<>();
    stores(shared)
        .forEach(
            (directory, store) -> {
              long bytes = isOf(directory, store) ? 0 : bytes(directory);
              if (bytes > 0) {
                orphans.add(
                    ("%s holds %d MiB of memory for a store that was at %s and isn't there: mount"
                            + " its disk and start its daemon; or, if it was deleted and no daemon"
                            + " has it, delete that directory too")
                        .formatted(directory, bytes >> 20, store));
              }
            });
    return orphans;
  }

  /** The real path of the store of each directory that says whose it is. */
  static Map<Path, Path> stores(Path shared) {
    Map<Path, Path> stores = new LinkedHashMap<>();
    for (Path directory : list(shared)) {
      boolean any = String.valueOf(directory.getFileName()).startsWith(PREFIX);
      Path store = any ? storeOf(directory) : null;
      if (store != null) {
        stores.put(directory, store);
      }
    }
    return stores;
  }

  private static boolean isOf(Path directory, Path store) {
    try {
      return Files.exists(store.resolve("store"))
          && directory.endsWith(nameOf(store, Store.id(store)));
    } catch (IOException e) {
      // Another user's, or damaged, which its own daemon tells.
      return true;
    }
  }

  private static @Nullable Path storeOf(Path directory) {
    try {
      return Path.of(Files.readString(directory.resolve(STORE)));
    } catch (IOException | InvalidPathException e) {
      // Somebody else's, or an earlier version's.
      return null;
    }
  }

  private static long bytes(Path directory) {
    return list(directory).stream()
        .filter(file -> !isNote(file))
        .mapToLong(file -> file.toFile().length())
        .sum();
  }

  /** What is in a directory; nothing if it is gone, as that of a daemon that stops just now. */
  private static List<Path> list(Path directory) {
    File[] found = directory.toFile().listFiles();
    return found == null ? List.of() : Stream.of(found).map(File::toPath).toList();
  }

  private static boolean isMemory(Path directory) throws IOException {
    if (!Files.isDirectory(directory) || !Files.isWritable(directory)) {
      return false;
    }
    String type = Files.getFileStore(directory).type();
    return type.equals("tmpfs") || type.equals("ramfs");
  }

  /**
   * The directory's name, the same for all paths to a store.
   *
   * @param id empty for a store of an early version, whose path alone decides
   */
  static String nameOf(Path store, Optional<UUID> id) throws IOException {
    String whose = realPath(store) + id.map(known -> "\n" + known).orElse("");
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(whose.getBytes(StandardCharsets.UTF_8));
      return PREFIX + HexFormat.of().formatHex(hash, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static String realPath(Path store) throws IOException {
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
    return existing.toRealPath().resolve(missing).normalize().toString();
  }
}
