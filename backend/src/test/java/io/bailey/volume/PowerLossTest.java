package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A power cut is a copy of the store's files, taken while it is open, without the memory directory.
 * Each is opened with less memory than what the journal holds, so that recovery has to empty write
 * buffers on its way; a second cut comes right after that.
 */
class PowerLossTest {
  private static final long MUCH_MEMORY = 256L << 20;
  private static final long LITTLE_MEMORY = 32L << 20;

  @TempDir Path directory;
  private int cuts;

  private StoreOptions options(String name, long memory) {
    return new StoreOptions(directory.resolve(name), directory.resolve(name + "-memory"), memory);
  }

  /** Copies a store's files once nothing in the background changes them meanwhile. */
  private String cut(String from) {
    String to = "cut-" + ++cuts;
    Path source = directory.resolve(from);
    Path target = directory.resolve(to);
    await()
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(
            () -> {
              deleteTree(target);
              List<String> before = files(source);
              for (String file : before) {
                Path relative = Path.of(file.split(" ", -1)[0]);
                Files.createDirectories(target.resolve(relative).resolveSibling("."));
                Files.copy(source.resolve(relative), target.resolve(relative));
              }
              return files(source).equals(before);
            });
    return to;
  }

  private static void deleteTree(Path tree) throws IOException {
    if (Files.exists(tree)) {
      try (Stream<Path> files = Files.walk(tree)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /** Names, sizes and times of the files below a directory. */
  private static List<String> files(Path source) throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> files = Files.walk(source)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        found.add(
            source.relativize(file)
                + " "
                + Files.size(file)
                + " "
                + Files.getLastModifiedTime(file));
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return found;
  }

  private static void write(Volume volume, int block, long stamp) throws IOException {
    volume.write(block * 4096L, StampWriter.stamp(stamp), 0, 4096);
  }

  private static void verify(Store store, List<String> names, int blocks) throws IOException {
    for (String name : names) {
      Volume volume = store.volume(name).orElseThrow();
      for (int block = 0; block < blocks; block++) {
        byte[] bytes = new byte[4096];
        volume.read(block * 4096L, bytes, 0, 4096);
        assertThat(bytes)
            .as("block %d of %s", block, name)
            .isEqualTo(StampWriter.stamp(expected(block)));
      }
    }
  }

  /** Every block is written once, every tenth again, and every seventh of those is zeros. */
  private static long expected(int block) {
    return block % 70 == 0 ? 0 : block % 10 == 0 ? 5000 + block : 1 + block;
  }

  private static void fill(Volume volume, int blocks) throws IOException {
    for (int block = 0; block < blocks; block++) {
      write(volume, block, 1 + block);
      if (block % 10 == 0) {
        write(volume, block, 5000 + block);
      }
      if (block % 70 == 0) {
        volume.trim(block * 4096L, 4096);
      }
      if (block % 100 == 99) {
        volume.flush();
      }
    }
    volume.flush();
  }

  private void assertFlushedWritesSurvive(List<String> names, int blocks) throws IOException {
    String first;
    try (Store store = Store.open(options("store", MUCH_MEMORY))) {
      for (String name : names) {
        VolumeSpec spec = new VolumeSpec(Optional.empty(), blocks * 4096L, Durability.FLUSH);
        fill(store.createVolume(name, spec), blocks);
      }
      first = cut("store");
    }
    String second;
    try (Store store = Store.open(options(first, LITTLE_MEMORY))) {
      second = cut(first);
      verify(store, names, blocks);
    }
    String third;
    try (Store store = Store.open(options(second, LITTLE_MEMORY))) {
      verify(store, names, blocks);
      third = cut(second);
    }
    try (Store store = Store.open(options(third, MUCH_MEMORY))) {
      verify(store, names, blocks);
    }
  }

  @Test
  void flushedWritesSurviveACutDuringAndAfterARecoveryThatEmptiesBuffers() throws IOException {
    assertFlushedWritesSurvive(List.of("v"), 3000);
  }

  @Test
  void flushedWritesOfManyVolumesSurviveARecoveryWithLessMemoryThanTheyTake() throws IOException {
    assertFlushedWritesSurvive(List.of("a", "b", "c", "d", "e", "f", "g", "h"), 400);
  }
}
