package io.bailey.volume;

import io.bailey.io.FaultyFiles;
import io.bailey.io.HostFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** A store on files that can be made to fail, and the ends a host can come to. */
final class TestStore implements AutoCloseable {
  static final long BUDGET = 64L << 20;

  /** The part of a larger budget that has one slab of write buffers. */
  static final long SLAB_BUDGET = 16L << 20;

  /** Slots of all write buffers under {@link #BUDGET}. */
  static final int SLOTS = 4096;

  /** Slots that make the buffer of an ephemeral volume full that is alone. */
  static final int BUFFER_BLOCKS = SLOTS / 2;

  static final Predicate<Path> CHUNKS = path -> path.toString().contains("/chunks");

  final FaultyFiles files = new FaultyFiles();
  final Path directory;
  private final Path memory;
  Store store;

  TestStore(Path parent) throws IOException {
    this(parent, BUDGET);
  }

  TestStore(Path parent, long budget) throws IOException {
    this(parent.resolve("store"), parent.resolve("memory"), budget);
  }

  private TestStore(Path directory, Path memory, long budget) throws IOException {
    this.directory = directory;
    this.memory = memory;
    store = Store.open(new StoreOptions(directory, memory, budget), files);
  }

  void reopen() throws IOException {
    store.close();
    check();
    store = opened();
  }

  /** The store opened, it being closed. */
  Store opened() throws IOException {
    return Store.open(new StoreOptions(directory, memory, BUDGET), files);
  }

  /** Writes the store's anchor now, and not some seconds later. */
  void writeAnchor() throws IOException {
    store.writeAnchor();
  }

  /** A directory with what store and memory hold at this moment. */
  Path copyAs(String name) throws IOException {
    Path to = directory.resolveSibling(name);
    copy(directory, to.resolve("store"));
    copy(memory, to.resolve("memory"));
    return to;
  }

  /** The store as the next process finds it after kill -9 at this moment. */
  TestStore killed(String name, long budget) throws IOException {
    Path to = copyAs(name);
    return new TestStore(to.resolve("store"), to.resolve("memory"), budget);
  }

  /** The same after a power cut: what lay in memory is gone. */
  TestStore powerless(String name, long budget) throws IOException {
    Path to = directory.resolveSibling(name);
    copy(directory, to.resolve("store"));
    return new TestStore(to.resolve("store"), to.resolve("memory"), budget);
  }

  /** Copies a directory with all that is in it. */
  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : all.toList()) {
        Path target = to.resolve(from.relativize(path).toString());
        if (Files.isDirectory(path)) {
          Files.createDirectories(target);
        } else {
          Files.copy(path, target);
        }
      }
    }
  }

  Volume volume(String name, Durability durability) throws IOException {
    return store.createVolume(name, new VolumeSpec(Optional.empty(), 64 << 20, durability));
  }

  Volume fork(String name, String image) throws IOException {
    Optional<ImageName> from = Optional.of(ImageName.parse(image));
    return store.createVolume(name, new VolumeSpec(from, 0, Durability.FLUSH));
  }

  static byte[] content(long seed) {
    byte[] bytes = new byte[4096];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static void write(BlockDevice volume, long block, long seed) throws IOException {
    volume.write(block * 4096, content(seed), 0, 4096);
  }

  /** Fails unless every block up to {@code count} has the content of {@code base} + its number. */
  static void compare(BlockDevice volume, long base, int count, String what) throws IOException {
    byte[] actual = new byte[4096];
    for (long block = 0; block < count; block++) {
      volume.read(block * 4096, actual, 0, 4096);
      if (!Arrays.equals(actual, content(base + block))) {
        throw new AssertionError(what + ": block " + block + " of " + count + " is wrong");
      }
    }
  }

  List<String> chunkFiles() throws IOException {
    return files.list(directory.resolve("chunks"));
  }

  @Override
  public void close() throws IOException {
    files.heal();
    store.close();
    check();
  }

  private void check() throws IOException {
    checkWhole(files, directory, memory);
  }

  /**
   * Fails unless every file that a closed store needs is whole. With {@code -Dbailey.check=values}
   * each value is opened too.
   */
  static void checkWhole(HostFiles files, Path directory, Path memory) throws IOException {
    boolean values = "values".equals(System.getProperty("bailey.check"));
    CheckOptions options = new CheckOptions(List.of(), values);
    CheckReport report =
        ClosedStore.check(
            files,
            directory,
            id -> memory,
            OuterKey.Source.NONE,
            options,
            Progress.NONE,
            () -> false);
    if (!report.whole()) {
      throw new AssertionError("the store was closed with damage in it: " + report.damage());
    }
  }
}
