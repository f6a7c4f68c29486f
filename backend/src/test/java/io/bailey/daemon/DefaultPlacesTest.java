package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bailey.io.StorageException;
import io.bailey.volume.Store;
import io.bailey.volume.StoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where things lie where nobody says. */
class DefaultPlacesTest {
  private static final Path HOME = Path.of("/home/u");
  private static final Optional<UUID> ID = Optional.of(UUID.randomUUID());
  private static final Optional<UUID> NO_ID = Optional.empty();

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

  private static Path chosen(Path store, Optional<UUID> id, RunDirectory run) throws IOException {
    return new MemoryDirectory(store, run).of(id);
  }

  @Test
  void memoryDirectory_dependsOnTheStoreAlone_andIsTheOwnersAlone(@TempDir Path directory)
      throws IOException {
    Path store = directory.resolve("store");
    Path link = Files.createSymbolicLink(directory.resolve("link"), directory);
    try (RunDirectory run1 = RunDirectory.take(directory.resolve("run1"))) {
      MemoryDirectory memory = new MemoryDirectory(store, run1);
      Path first = memory.of(ID);
      try (RunDirectory run = RunDirectory.take(directory.resolve("run2"))) {
        assertThat(chosen(store, ID, run)).isEqualTo(first);
        assertThat(chosen(link.resolve("store"), ID, run)).isEqualTo(first);
        Files.createDirectory(store);
        assertThat(chosen(link.resolve("store"), ID, run)).isEqualTo(first);
        for (Optional<UUID> another : List.of(Optional.of(UUID.randomUUID()), NO_ID)) {
          MemoryDirectory made = new MemoryDirectory(store, run);
          assertThat(made.of(another)).as("of a store made there").isNotEqualTo(first).exists();
          made.left();
        }
        MemoryDirectory ofCopy = new MemoryDirectory(directory.resolve("copy"), run);
        Path copy = ofCopy.of(ID);
        assertThat(copy).isNotEqualTo(first);
        ofCopy.left();
        assertThat(copy).doesNotExist();
      }
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(first)))
          .isEqualTo("rwx------");
      assertThat(Files.getFileStore(first).type()).isEqualTo("tmpfs");
      // Where the memory is full.
      Files.createFile(first.resolve("store.new"));
      memory.left();
      assertThat(first).doesNotExist();
    }
  }

  @Test
  void memoryDirectory_ofAStoreOfAnEarlyVersion_isWhereThatVersionLooks() throws IOException {
    assertThat(MemoryDirectory.nameOf(Path.of("/bailey/store"), NO_ID))
        .isEqualTo("bailey-427d1c38797b8266");
  }

  @Test
  void whatADeletedStoreLeftInMemory_isTold_andKept(@TempDir Path directory) throws IOException {
    Path shared = Files.createTempDirectory(MemoryDirectory.SHARED, "bailey-test");
    Path store = directory.resolve("store");
    try (RunDirectory run = RunDirectory.take(directory.resolve("run"))) {
      MemoryDirectory memory = new MemoryDirectory(store, run, shared);
      Path chosen = memory.of(makeStore(store));
      Files.write(chosen.resolve("slab-0"), new byte[3 << 20]);
      memory.left();
      assertThat(chosen).exists();
      // Of an earlier version, and somebody else's.
      Files.createDirectory(shared.resolve("bailey-0123456789abcdef"));
      assertThat(MemoryDirectory.orphans(shared)).isEmpty();
      for (boolean another : new boolean[] {false, true}) {
        RunningDaemon.deleteTree(store);
        if (another) {
          Path of = new MemoryDirectory(store, run, shared).of(makeStore(store));
          Files.write(of.resolve("slab-0"), new byte[1 << 20]);
        }
        assertThat(MemoryDirectory.orphans(shared))
            .singleElement()
            .asString()
            .contains(chosen.toString(), store.toString(), "3 MiB", "delete that directory");
        assertThat(chosen.resolve("slab-0")).exists();
        Files.createDirectories(store);
      }
      assertThat(MemoryDirectory.orphans(shared.resolve("none"))).isEmpty();
    } finally {
      RunningDaemon.deleteTree(shared);
    }
  }

  private static Optional<UUID> makeStore(Path store) throws IOException {
    Path memory = store.resolveSibling("memory");
    Store.open(new StoreOptions(store, memory, 32 << 20)).close();
    return Store.id(store);
  }

  @Test
  void anotherUsersMemory_isNeitherUsedNorLookedAt(@TempDir Path directory) throws IOException {
    assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may give a directory away");
    Path shared = Files.createTempDirectory(MemoryDirectory.SHARED, "bailey-test");
    Path store = Files.createDirectory(directory.resolve("store"));
    try (RunDirectory run = RunDirectory.take(directory.resolve("run"))) {
      Path memory = new MemoryDirectory(store, run, shared).of(ID);
      assertThat(MemoryDirectory.find(store, ID, shared)).isEqualTo(memory);
      Files.setAttribute(memory, "unix:uid", 65534);
      assertThat(MemoryDirectory.find(store, ID, shared)).doesNotExist();
      assertThatThrownBy(() -> new MemoryDirectory(store, run, shared).of(ID))
          .hasMessageContaining(memory.toString())
          .hasMessageContaining("another user (uid 65534)")
          .hasMessageContaining("have root delete");
      Files.setAttribute(store, "unix:uid", 65534);
      assertThat(MemoryDirectory.find(store, ID, shared)).isEqualTo(memory);
    } finally {
      RunningDaemon.deleteTree(shared);
    }
  }

  @Test
  void hostWithoutAMemoryFileSystem_isRefused(@TempDir Path directory) throws IOException {
    try (RunDirectory run = RunDirectory.take(directory.resolve("run"))) {
      Path none = directory.resolve("none");
      String type = Files.getFileStore(directory).type();
      if (type.equals("tmpfs")) {
        assertThat(new MemoryDirectory(directory, run, none).of(ID)).hasParent(run.directory());
      } else {
        assertThatThrownBy(() -> new MemoryDirectory(directory, run, none))
            .hasMessageContaining("no memory file system")
            .hasMessageContaining("tmpfs");
      }
    }
  }
}
