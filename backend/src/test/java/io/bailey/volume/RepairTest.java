package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that a check found damaged or missing are fetched, held against their names, and whole. */
final class RepairTest {
  private static final int BLOCKS = 300;

  @TempDir Path directory;

  private final Map<String, byte[]> model = new TreeMap<>();
  private final Map<Path, byte[]> right = new HashMap<>();
  private final List<String> asked = new ArrayList<>();

  /** Files of a copy of the store. */
  private final class Copy implements ChunkSource {
    @Override
    public InputStream open(String name, long bytes) throws IOException {
      assertThat(name).matches("[0-9a-f]{64}");
      asked.add(name);
      try {
        return new ByteArrayInputStream(
            Files.readAllBytes(directory.resolve("copy/store/chunks").resolve(name)));
      } catch (NoSuchFileException e) {
        throw new StorageException(Kind.NOT_FOUND, "no " + name, e);
      }
    }

    @Override
    public void close() {}
  }

  @BeforeEach
  void write() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.store.importImage(ImageName.parse("golden:1"), new RandomDisk(1, BLOCKS), Progress.NONE);
      Volume volume = test.fork("v", "golden:1");
      byte[] bytes = new byte[BLOCKS * 4096];
      new RandomDisk(1, BLOCKS).read(0, bytes, 0, bytes.length);
      for (int block = 10; block < 30; block++) {
        TestStore.write(volume, block, block);
        System.arraycopy(TestStore.content(block), 0, bytes, block * 4096, 4096);
      }
      model.put("v", bytes);
    }
    try (TestStore closed = new TestStore(directory)) {
      Path _ = closed.copyAs("copy");
    }
    for (Path file : chunks()) {
      right.put(file, Files.readAllBytes(file));
    }
  }

  private List<Path> chunks() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("store/chunks"))) {
      return files.sorted().toList();
    }
  }

  private StoreOptions options() {
    return new StoreOptions(
        directory.resolve("store"), directory.resolve("memory"), TestStore.BUDGET);
  }

  private CheckReport check(boolean repair) throws IOException {
    return ClosedStore.check(
        directory.resolve("store"),
        id -> directory.resolve("memory"),
        OuterKey.Source.NONE,
        new CheckOptions(List.of(), false, repair ? Optional.of(new Copy()) : Optional.empty()),
        Progress.NONE,
        () -> false);
  }

  private void assertAsBefore() throws IOException {
    assertThat(chunks()).containsExactlyInAnyOrderElementsOf(right.keySet());
    for (Map.Entry<Path, byte[]> file : right.entrySet()) {
      assertThat(Files.isSymbolicLink(file.getKey())).isFalse();
      assertThat(file.getKey()).hasBinaryContent(file.getValue());
    }
    assertThat(check(false).whole()).isTrue();
    try (Store store = Store.open(options())) {
      assertThat(DiskReads.failures(store, model, "repaired")).isEmpty();
    }
  }

  /** A way to damage a file. */
  @FunctionalInterface
  private interface Harm {
    void to(Path file) throws IOException;
  }

  private static void move(List<String> files, Path from, Path to) throws IOException {
    for (String file : files) {
      Files.move(from.resolve(file), to.resolve(file));
    }
  }

  @Test
  void whateverIsInAFilesPlace_isReplaced() throws Exception {
    Map<String, Harm> harms = new TreeMap<>();
    harms.put("gone", Files::delete);
    harms.put("empty", file -> Files.write(file, new byte[0]));
    harms.put("flipped", file -> Files.write(file, flipped(right.get(file))));
    harms.put("another's", file -> Files.write(file, right.get(chunks().getFirst())));
    harms.put("longer", file -> Files.write(file, Arrays.copyOf(right.get(file), 100_000)));
    harms.put(
        "a directory",
        file -> {
          Files.delete(file);
          Files.createDirectory(file);
        });
    harms.put(
        "a link to itself",
        file -> {
          Files.delete(file);
          Files.createSymbolicLink(file, file);
        });
    Path file = chunks().getLast();
    for (Map.Entry<String, Harm> harm : harms.entrySet()) {
      harm.getValue().to(file);
      CheckReport report = check(true);
      assertThat(report.damage())
          .as(harm.getKey())
          .singleElement()
          .satisfies(
              damage -> {
                assertThat(damage.file()).isEqualTo(file.toString());
                assertThat(damage.repaired()).isTrue();
                assertThat(damage.hits()).isNotEmpty();
              });
      assertThat(report.whole()).as(harm.getKey()).isTrue();
      assertThat(report.checked()).as(harm.getKey()).allMatch(CheckReport.Checked::whole);
      assertAsBefore();
    }
  }

  private static byte[] flipped(byte[] bytes) {
    byte[] flipped = bytes.clone();
    flipped[flipped.length / 2] ^= 1;
    return flipped;
  }

  @Test
  void filesThatADamagedTreeHid_areFoundOnceItIsRepaired() throws Exception {
    for (Path file : chunks()) {
      Files.delete(file);
    }
    CheckReport report = check(true);
    assertThat(report.whole()).isTrue();
    assertThat(report.damage()).hasSize(right.size()).allMatch(CheckReport.Damage::repaired);
    assertAsBefore();
  }

  @Test
  void whatTheSourceGivesWrong_isNotTaken_andTheReasonIsTold() throws Exception {
    Path values = directory.resolve("none");
    for (Path file : chunks()) {
      if (right.get(file)[6] == 'V' && right.get(file).length > 1000) {
        values = file;
      }
    }
    byte[] good = right.get(values);
    Path other = directory.resolve("copy/store/chunks").resolve(values.getFileName().toString());
    byte[] damaged = flipped(good);
    Files.write(values, damaged);
    Map<String, byte[]> wrongs = new TreeMap<>();
    wrongs.put("other content", flipped(good));
    wrongs.put("more than its " + good.length + " bytes", Arrays.copyOf(good, good.length + 1));
    wrongs.put((good.length - 1) + " bytes, not", Arrays.copyOf(good, good.length - 1));
    for (Map.Entry<String, byte[]> wrong : wrongs.entrySet()) {
      Files.write(other, wrong.getValue());
      asked.clear();
      CheckReport report = check(true);
      assertThat(report.whole()).as(wrong.getKey()).isFalse();
      assertThat(report.damage()).singleElement().satisfies(d -> assertUnrepaired(d, wrong));
      assertThat(report.checked()).anyMatch(checked -> !checked.whole());
      assertThat(values).hasBinaryContent(damaged);
      assertThat(chunks()).as("nothing is left over").hasSameSizeAs(right.keySet());
      assertThat(asked).hasSize(1);
    }
    Files.delete(other);
    assertThat(check(true).damage().getFirst().repairFailure().orElseThrow()).contains("no ");
    Files.write(other, good);
    assertThat(check(true).whole()).isTrue();
    assertAsBefore();
  }

  private static void assertUnrepaired(CheckReport.Damage damage, Map.Entry<String, byte[]> wrong) {
    assertThat(damage.repaired()).isFalse();
    assertThat(damage.repairFailure().orElseThrow()).contains(wrong.getKey());
  }

  @Test
  void aSourceThatFails_isAskedThreeTimes() throws Exception {
    ChunkSource failing =
        new ChunkSource() {
          @Override
          public InputStream open(String name, long bytes) throws IOException {
            asked.add(name);
            throw new StorageException(Kind.IO, "no answer");
          }

          @Override
          public void close() {}
        };
    try (TestStore other = new TestStore(directory.resolve("other"))) {
      for (int i = 0; i < 5; i++) {
        ImageName name = ImageName.parse("i" + i);
        Image _ = other.store.importImage(name, new RandomDisk(i, 10), Progress.NONE);
      }
      List<String> all = other.chunkFiles();
      move(all, other.directory.resolve("chunks"), directory);
      CheckOptions options = new CheckOptions(List.of(), false, Optional.of(failing));
      CheckReport report = other.store.check(options, Progress.NONE, () -> false);
      assertThat(asked).hasSize(3);
      assertThat(report.damage())
          .extracting(damage -> damage.repairFailure().orElse(""))
          .anyMatch(why -> why.contains("no answer"))
          .anyMatch(why -> why.contains("not tried, for 3 in a row failed: no answer"));
      move(all, directory, other.directory.resolve("chunks"));
    }
  }

  @Test
  void moreFilesThanAreListed_areRepaired_andNothingIsDamagedThen() throws Exception {
    ChunkSource source =
        new ChunkSource() {
          @Override
          public InputStream open(String name, long bytes) throws IOException {
            return Files.newInputStream(directory.resolve(name));
          }

          @Override
          public void close() {}
        };
    try (TestStore other = new TestStore(directory.resolve("other"))) {
      for (int i = 0; other.chunkFiles().size() <= CheckReport.MAX_DAMAGE + 1; i++) {
        ImageName name = ImageName.parse("i" + i);
        Image _ = other.store.importImage(name, new RandomDisk(i, 1), Progress.NONE);
      }
      List<String> all = other.chunkFiles();
      move(all, other.directory.resolve("chunks"), directory);
      CheckOptions options = new CheckOptions(List.of(), false, Optional.of(source));
      CheckReport report = other.store.check(options, Progress.NONE, () -> false);
      assertThat(report.damage()).hasSize(CheckReport.MAX_DAMAGE);
      assertThat(report.moreDamage()).isZero();
      assertThat(report.whole()).isTrue();
      assertThat(other.chunkFiles()).hasSameElementsAs(all);
    }
  }

  @Test
  void anOpenStore_readsOnWhereAFileWasRepaired() throws Exception {
    try (Store store = Store.open(options())) {
      store.awaitCollection();
      Path file = chunks().getFirst();
      for (Path one : chunks()) {
        file = right.get(one).length > right.get(file).length ? one : file;
      }
      // It begins as it should, so the store has it open from the first read on.
      Files.write(file, Arrays.copyOf(Arrays.copyOf(right.get(file), 8), right.get(file).length));
      assertThat(DiskReads.failures(store, model, "zeros")).isNotEmpty();
      CheckOptions options = new CheckOptions(List.of(), false, Optional.of(new Copy()));
      assertThat(store.check(options, Progress.NONE, () -> false).whole()).isTrue();
      assertThat(DiskReads.failures(store, model, "repaired")).isEmpty();
    }
    assertAsBefore();
  }
}
