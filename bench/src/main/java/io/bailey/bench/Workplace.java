package io.bailey.bench;

import io.bailey.cli.ByteSize;
import io.bailey.daemon.MemoryPlace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/**
 * The directories of something under test, gone when it is closed. A benchmark that is ended from
 * outside leaves none of them either, and no process.
 */
public final class Workplace implements AutoCloseable {
  private static final Path MEMORY_FILES = Path.of("/dev/shm");

  private final Path run;
  private final Path data;
  private final Path memory;
  private final List<Path> directories = new CopyOnWriteArrayList<>();
  private final List<Path> stores = new CopyOnWriteArrayList<>();
  private final Thread cleaning = new Thread(this::endAll, "bench-clean");

  /**
   * Makes the directories.
   *
   * @param disks where the disks go
   */
  Workplace(Path disks) throws IOException {
    Files.createDirectories(disks);
    run = Files.createTempDirectory("bailey-bench");
    data = Files.createTempDirectory(disks, "bailey-bench-data").toRealPath();
    memory = Files.createTempDirectory(MEMORY_FILES, "bailey-bench");
    directories.addAll(List.of(run, data, memory));
    Runtime.getRuntime().addShutdownHook(cleaning);
  }

  /** For sockets and what processes complain of. */
  Path run() {
    return run;
  }

  /** For disks. */
  Path data() {
    return data;
  }

  /** On a memory file system. */
  Path memory() {
    return memory;
  }

  /** Deletes in the end what daemons on a store of these disks have left in memory. */
  void alsoDeleteMemoryOf(Path store) {
    stores.add(store);
  }

  /** Refuses where a disk might not fit. */
  static void failIfTooSmall(Path disks, long neededBytes, String advice) throws IOException {
    Files.createDirectories(disks);
    long usable = Files.getFileStore(disks).getUsableSpace();
    if (usable < neededBytes) {
      throw new IOException(
          disks
              + " has room for "
              + ByteSize.format(usable)
              + ", and up to "
              + ByteSize.format(neededBytes)
              + " are needed: choose another with --dir, or "
              + advice);
    }
  }

  private void endAll() {
    ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
    deleteAll();
  }

  private void deleteAll() {
    stores.forEach(store -> MemoryPlace.of(store).forEach(Workplace::delete));
    directories.forEach(Workplace::delete);
  }

  /** Deletes a directory with all that is in it, or says why not. */
  public static void delete(Path path) {
    if (!Files.exists(path)) {
      return;
    }
    try (Stream<Path> all = Files.walk(path)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(each);
      }
    } catch (IOException | UncheckedIOException e) {
      System.err.println("bailey bench: can't delete all of " + path + ": " + e.getMessage());
    }
  }

  @Override
  public void close() {
    deleteAll();
    Runtime.getRuntime().removeShutdownHook(cleaning);
  }
}
