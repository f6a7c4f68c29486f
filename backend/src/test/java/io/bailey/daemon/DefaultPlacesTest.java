package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where things lie where nobody says. */
class DefaultPlacesTest {
  private static final Path HOME = Path.of("/home/u");

  @Test
  void root_hasSystemDirectories() throws StorageException {
    DefaultPlaces places = new DefaultPlaces(Map.of("XDG_RUNTIME_DIR", "/run/user/0"), true, HOME);
    assertThat(places.runDirectory()).isEqualTo(Path.of("/run/bailey"));
    assertThat(places.store()).isEqualTo(Path.of("/var/lib/bailey"));
  }

  @Test
  void user_hasDirectoriesOfTheirOwn() throws StorageException {
    DefaultPlaces places = new DefaultPlaces(Map.of("XDG_RUNTIME_DIR", "/run/user/7"), false, HOME);
    assertThat(places.runDirectory()).isEqualTo(Path.of("/run/user/7/bailey"));
    assertThat(places.store()).isEqualTo(Path.of("/home/u/.local/share/bailey"));
    assertThat(new DefaultPlaces(Map.of("XDG_DATA_HOME", "/data"), false, HOME).store())
        .isEqualTo(Path.of("/data/bailey"));
  }

  @Test
  void environment_comesFirst() throws StorageException {
    assertThat(new DefaultPlaces(Map.of("BAILEY_RUN_DIR", "/x"), true, HOME).runDirectory())
        .isEqualTo(Path.of("/x"));
  }

  @Test
  void userWithoutARuntimeDirectory_isToldWhatToSet() {
    assertThatThrownBy(() -> new DefaultPlaces(Map.of(), false, HOME).runDirectory())
        .hasMessageContaining("--run-dir")
        .hasMessageContaining("XDG_RUNTIME_DIR");
  }

  @ParameterizedTest
  @CsvSource({
    "MemTotal:         524288 kB,  128",
    "MemTotal:        4194304 kB, 1024",
    "MemTotal:        8388604 kB, 2047",
    "MemTotal:        8388608 kB, 2048",
    "MemTotal:      131072000 kB, 2048",
    "MemFree:         4194304 kB,  512",
    "MemTotal:                kB,  512",
  })
  void memoryBudget_isAQuarterOfTheMachines_andAtMostTwoGibibytes(String line, long mebibytes) {
    List<String> meminfo = List.of("MemAvailable:     40 kB", line, "SwapTotal:     80 kB");
    assertThat(DefaultPlaces.memoryBudgetBytes(meminfo) >> 20).isEqualTo(mebibytes);
  }

  @Test
  void memoryBudget_isOfThisMachine() throws IOException {
    assertThat(DefaultPlaces.memoryBudgetBytes())
        .isEqualTo(DefaultPlaces.memoryBudgetBytes(Files.readAllLines(Path.of("/proc/meminfo"))));
  }

  @Test
  void memoryDirectory_dependsOnTheStoreAlone_andIsTheOwnersAlone(@TempDir Path directory)
      throws IOException {
    Path store = directory.resolve("store");
    Path link = Files.createSymbolicLink(directory.resolve("link"), directory);
    Path first;
    try (RunDirectory run = RunDirectory.take(directory.resolve("run1"))) {
      first = MemoryDirectory.choose(store, run);
    }
    try (RunDirectory run = RunDirectory.take(directory.resolve("run2"))) {
      assertThat(MemoryDirectory.choose(store, run)).isEqualTo(first);
      assertThat(MemoryDirectory.choose(link.resolve("store"), run)).isEqualTo(first);
      Files.createDirectory(store);
      assertThat(MemoryDirectory.choose(link.resolve("store"), run)).isEqualTo(first);
      Path other = MemoryDirectory.choose(directory.resolve("store2"), run);
      assertThat(other).isNotEqualTo(first);
      MemoryDirectory.removeIfEmpty(other);
      assertThat(other).doesNotExist();
    }
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(first)))
        .isEqualTo("rwx------");
    assertThat(Files.getFileStore(first).type()).isEqualTo("tmpfs");
    MemoryDirectory.removeIfEmpty(first);
    assertThat(first).doesNotExist();
  }

  @Test
  void whatADeletedStoreLeftInMemory_isTold_andKept(@TempDir Path directory) throws IOException {
    Path shared = Files.createTempDirectory(MemoryDirectory.SHARED, "bailey-test");
    Path store = Files.createDirectory(directory.resolve("store"));
    try (RunDirectory run = RunDirectory.take(directory.resolve("run"))) {
      Path memory = MemoryDirectory.choose(store, run, shared);
      Files.write(memory.resolve("slab-0"), new byte[3 << 20]);
      MemoryDirectory.removeIfEmpty(memory);
      assertThat(memory).exists();
      // Of an earlier version, and somebody else's.
      Files.createDirectory(shared.resolve("bailey-0123456789abcdef"));
      Path other = shared.resolve("bailey-1");
      assertThat(MemoryDirectory.orphans(shared, other)).isEmpty();
      Files.delete(store);
      assertThat(MemoryDirectory.orphans(shared, memory)).as("its own").isEmpty();
      // One that is being made has nothing in memory yet.
      Path making = MemoryDirectory.choose(directory.resolve("new"), run, shared);
      assertThat(making).isNotEqualTo(memory);
      assertThat(MemoryDirectory.orphans(shared, other))
          .singleElement()
          .asString()
          .contains(memory.toString(), store.toString(), "3 MiB", "delete that directory");
      assertThat(memory.resolve("slab-0")).exists();
      assertThat(MemoryDirectory.orphans(shared.resolve("none"), other)).isEmpty();
    } finally {
      RunningDaemon.deleteTree(shared);
    }
  }

  @Test
  void anotherUsersMemory_isNeitherUsedNorLookedAt(@TempDir Path directory) throws IOException {
    assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may give a directory away");
    Path shared = Files.createTempDirectory(MemoryDirectory.SHARED, "bailey-test");
    Path store = Files.createDirectory(directory.resolve("store"));
    try (RunDirectory run = RunDirectory.take(directory.resolve("run"))) {
      Path memory = MemoryDirectory.choose(store, run, shared);
      assertThat(MemoryDirectory.find(store, shared)).isEqualTo(memory);
      Files.setAttribute(memory, "unix:uid", 65534);
      assertThat(MemoryDirectory.find(store, shared)).doesNotExist();
      assertThatThrownBy(() -> MemoryDirectory.choose(store, run, shared))
          .hasMessageContaining(memory.toString())
          .hasMessageContaining("another user (uid 65534)")
          .hasMessageContaining("have root delete");
      Files.setAttribute(store, "unix:uid", 65534);
      assertThat(MemoryDirectory.find(store, shared)).isEqualTo(memory);
    } finally {
      RunningDaemon.deleteTree(shared);
    }
  }

  @Test
  void hostWithoutAMemoryFileSystem_isRefused(@TempDir Path directory) throws IOException {
    try (RunDirectory run = RunDirectory.take(directory.resolve("run"))) {
      String type = Files.getFileStore(directory).type();
      if (type.equals("tmpfs")) {
        assertThat(MemoryDirectory.choose(directory, run, directory.resolve("none")))
            .hasParent(run.directory());
      } else {
        assertThatThrownBy(() -> MemoryDirectory.choose(directory, run, directory.resolve("none")))
            .hasMessageContaining("no memory file system")
            .hasMessageContaining("tmpfs");
      }
    }
  }
}
