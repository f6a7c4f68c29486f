package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.chunk.ChunkKind;
import io.bailey.io.FaultyFiles;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a check says of a store, beside what reads of it give. */
final class StoreCheckTest {
  private static final int BLOCKS = 300;

  @TempDir Path directory;

  private final Map<String, byte[]> model = new TreeMap<>();

  /** A way to damage a file. */
  @FunctionalInterface
  private interface Harm {
    void to(Path file, Path another) throws IOException;
  }

  /** Two forks of an image; one hides blocks of the image and of a run of its own. */
  private Path write() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.store.importImage(ImageName.parse("golden:1"), new RandomDisk(1, BLOCKS), NONE);
      byte[] golden = new byte[BLOCKS * 4096];
      new RandomDisk(1, BLOCKS).read(0, golden, 0, golden.length);
      for (String name : List.of("a", "b")) {
        test.fork(name, "golden:1");
        model.put(name, golden.clone());
      }
      for (int round = 0; round < 2; round++) {
        for (int block = 10 + 5 * round; block < 30; block++) {
          put(test, block, 5000 + 100L * round + block);
        }
        test.store.volume("a").orElseThrow().checkpoint();
      }
      test.store.volume("a").orElseThrow().trim(40 * 4096, 20 * 4096);
      Arrays.fill(model.get("a"), 40 * 4096, 60 * 4096, (byte) 0);
    }
    return directory;
  }

  private void put(TestStore test, int block, long seed) throws IOException {
    TestStore.write(test.store.volume("a").orElseThrow(), block, seed);
    System.arraycopy(TestStore.content(seed), 0, model.get("a"), block * 4096, 4096);
  }

  private static final Progress NONE = Progress.NONE;

  private static CheckReport check(Path parent, String... names) throws IOException {
    CheckOptions options = new CheckOptions(List.of(names), false);
    return ClosedStore.check(
        parent.resolve("store"),
        id -> parent.resolve("memory"),
        OuterKey.Source.NONE,
        options,
        NONE,
        () -> false);
  }

  private static StoreOptions options(Path parent) {
    return new StoreOptions(parent.resolve("store"), parent.resolve("memory"), TestStore.BUDGET);
  }

  private static Map<String, Harm> harms() {
    Map<String, Harm> harms = new LinkedHashMap<>();
    harms.put("cut in half", (f, o) -> Files.write(f, half(f)));
    harms.put("empty", (f, o) -> Files.write(f, new byte[0]));
    harms.put("one byte longer", (f, o) -> Files.write(f, Arrays.copyOf(bytes(f), size(f) + 1)));
    harms.put("gone", (f, o) -> Files.delete(f));
    harms.put("zeros", (f, o) -> Files.write(f, new byte[size(f)]));
    harms.put("another's", (f, o) -> Files.copy(o, f, StandardCopyOption.REPLACE_EXISTING));
    harms.put(
        "a byte of its first node",
        (f, o) -> Files.write(f, flipped(bytes(f), Math.min(100, size(f) / 2))));
    harms.put(
        "a byte of its second leaf", (f, o) -> Files.write(f, flipped(bytes(f), size(f) * 4 / 5)));
    harms.put("two values exchanged", (f, o) -> Files.write(f, exchanged(bytes(f))));
    harms.put(
        "a directory",
        (f, o) -> {
          Files.delete(f);
          Files.createDirectory(f);
        });
    return harms;
  }

  private static byte[] flipped(byte[] bytes, int at) {
    bytes[at] ^= 1;
    return bytes;
  }

  private static byte[] exchanged(byte[] bytes) {
    int length = Math.min(4096, bytes.length / 2 - 8);
    byte[] first = Arrays.copyOfRange(bytes, 8, 8 + length);
    System.arraycopy(bytes, 8 + length, bytes, 8, length);
    System.arraycopy(first, 0, bytes, 8 + length, length);
    return bytes;
  }

  private static byte[] bytes(Path file) throws IOException {
    return Files.readAllBytes(file);
  }

  private static int size(Path file) throws IOException {
    return (int) Files.size(file);
  }

  private static byte[] half(Path file) throws IOException {
    return Arrays.copyOf(bytes(file), size(file) / 2);
  }

  private static List<Path> chunks(Path parent) throws IOException {
    try (Stream<Path> files = Files.list(parent.resolve("store/chunks"))) {
      return files.sorted().toList();
    }
  }

  @Test
  void harmToAnyFile_isFound_andHitsWhatCantBeRead_noMoreAndNoLess() throws Exception {
    Path store = write();
    assertThat(check(store).whole()).isTrue();
    List<Path> files = chunks(store);
    assertThat(files).hasSizeGreaterThan(5);
    for (int i = 0; i < files.size(); i++) {
      Path file = files.get(i);
      Path another = files.get((i + 1) % files.size());
      byte[] right = bytes(file);
      for (Map.Entry<String, Harm> harm : harms().entrySet()) {
        harm.getValue().to(file, another);
        foundAsRead(store, file, file + " " + harm.getKey());
        Files.deleteIfExists(file);
        Files.write(file, right);
      }
    }
    try (Store healed = Store.open(options(store))) {
      assertThat(DiskReads.failures(healed, model, "healed")).isEmpty();
    }
  }

  @Test
  void twoFilesOfValuesThatChangedPlaces_areBothFound() throws Exception {
    Path store = write();
    List<Path> files = new ArrayList<>();
    for (Path file : chunks(store)) {
      if (bytes(file)[6] == 'V') {
        files.add(file);
      }
    }
    Path kept = directory.resolve("kept");
    Files.move(files.get(0), kept);
    Files.move(files.get(1), files.get(0));
    Files.move(kept, files.get(1));
    assertThat(check(store).damage())
        .extracting(CheckReport.Damage::file)
        .contains(files.get(0).toString(), files.get(1).toString());
    foundAsRead(store, files.get(0), "swapped");
  }

  private void foundAsRead(Path parent, Path file, String what) throws IOException {
    CheckReport report = check(parent);
    assertThat(report.damage())
        .as(what)
        .extracting(CheckReport.Damage::file)
        .contains(file.toString());
    assertThat(report.checked()).as(what).anyMatch(checked -> !checked.whole());
    try (Store opened = Store.open(options(parent))) {
      assertThat(DiskReads.failures(opened, model, what))
          .as(what)
          .isEqualTo(DiskReads.hits(report, model));
    }
  }

  @Test
  void aFileThatManyShare_isReadOnce_andOneThatNothingNeeds_isGarbage() throws Exception {
    Path store = write();
    Path garbage = store.resolve("store/chunks/" + "0".repeat(64));
    Files.write(garbage, new byte[100]);
    FaultyFiles files = new FaultyFiles();
    CheckOptions all = new CheckOptions(List.of(), false);
    CheckReport report =
        ClosedStore.check(
            files,
            store.resolve("store"),
            id -> store.resolve("memory"),
            OuterKey.Source.NONE,
            all,
            NONE,
            () -> false);
    assertThat(report.whole()).isTrue();
    assertThat(report.garbage()).containsExactly("0".repeat(64));
    assertThat(report.checked()).hasSize(3).allMatch(CheckReport.Checked::whole);
    long stored = chunks(store).stream().mapToLong(path -> path.toFile().length()).sum() - 100;
    assertThat(report.bytes()).isEqualTo(stored);
    // Trees are read twice, and roots.
    assertThat(files.bytesRead()).isBetween(stored, stored + stored / 20);
    assertThat(check(store, "b").garbage()).isEmpty();
  }

  @Test
  void aCheckOfAName_readsNothingElse_andAWrongName_isRefused() throws Exception {
    Path store = write();
    Path own = directory.resolve("own");
    try (TestStore test = new TestStore(own)) {
      test.volume("v", Durability.FLUSH);
    }
    assertThat(check(store, "a", "golden:1").checked())
        .extracting(CheckReport.Checked::name)
        .containsExactly("a", "golden:1");
    assertThat(check(own, "v").files()).isEqualTo(1);
    assertThatThrownBy(() -> check(store, "none")).hasMessageContaining("no image or volume none");
    assertThatThrownBy(() -> check(directory.resolve("nothing")))
        .hasMessageContaining("there is no store");
  }

  @Test
  void aCheckThatIsCancelled_ends() throws Exception {
    Path store = write();
    assertThatThrownBy(
            () ->
                ClosedStore.check(
                    store.resolve("store"),
                    id -> store.resolve("memory"),
                    OuterKey.Source.NONE,
                    new CheckOptions(List.of(), true),
                    NONE,
                    () -> true))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("cancelled");
  }

  @Test
  void anOpenStore_isCheckedBesideItsUse_andAnOlderRootPutBack_isSeen() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      test.store.importImage(ImageName.parse("one"), new RandomDisk(1, 10), NONE);
      test.store.importImage(ImageName.parse("two"), new RandomDisk(2, 10), NONE);
      TestStore.write(volume, 0, 1);
      volume.checkpoint();
      CheckOptions all = new CheckOptions(List.of(), true);
      CheckReport whole = test.store.check(all, NONE, () -> false);
      assertThat(whole.damage()).isEmpty();
      assertThat(whole.checked()).hasSize(3);

      Path root = test.directory.resolve("volumes/v");
      Path one = test.directory.resolve("images/one:latest");
      byte[] old = bytes(root);
      byte[] oneRoot = bytes(one);
      TestStore.write(volume, 1, 2);
      volume.checkpoint();
      byte[] present = bytes(root);
      Files.write(root, old);
      Files.copy(
          test.directory.resolve("images/two:latest"), one, StandardCopyOption.REPLACE_EXISTING);
      CheckReport report = test.store.check(all, NONE, () -> false);
      assertThat(report.damage())
          .extracting(CheckReport.Damage::what)
          .anyMatch(what -> what.contains("replaced by an older one"))
          .anyMatch(what -> what.contains("replaced by another image's"))
          .hasSize(2);
      Files.write(root, present);
      Files.write(one, oneRoot);
    }
  }

  @Test
  void anOlderRootPutBackInAClosedStore_isSeen_andSoIsADamagedAnchor() throws Exception {
    Path root = directory.resolve("store/volumes/v");
    byte[] old;
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      old = bytes(root);
      TestStore.write(volume, 0, 1);
    }
    byte[] present = bytes(root);
    Files.write(root, old);
    assertThat(check(directory).damage())
        .singleElement()
        .satisfies(damage -> assertThat(damage.what()).contains(root + " is of generation"));
    Files.write(root, present);
    assertThat(check(directory).whole()).isTrue();
    Path anchor = directory.resolve("store/anchor");
    Files.write(anchor, flipped(bytes(anchor), 20));
    assertThat(check(directory).damage())
        .extracting(CheckReport.Damage::file)
        .containsExactly(anchor.toString());
  }

  @Test
  void aRecordOfTheJournal_thatIsDamagedBeforeAWholeOne_isFound_andATornLastOneIsNot()
      throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      for (int i = 0; i < 3; i++) {
        TestStore.write(volume, i, i);
        volume.flush();
      }
      Path copy = test.copyAs("copy");
      CheckReport report = check(copy);
      assertThat(report.whole()).isTrue();
      assertThat(report.journalRecords()).isEqualTo(3);
      Path log = copy.resolve("store/journal/000000000000.log");
      byte[] right = bytes(log);
      byte[] harmed = right.clone();
      harmed[200] ^= 1;
      Files.write(log, harmed);
      assertThat(check(copy).damage())
          .extracting(CheckReport.Damage::file)
          .containsExactly(log.toString());
      Files.write(log, Arrays.copyOf(right, right.length - 100));
      assertThat(check(copy).whole()).isTrue();
      assertThat(check(copy).journalRecords()).isEqualTo(2);
    }
  }

  @Test
  void aReadThatMeetsDamage_isCounted_andAnEvent() throws Exception {
    Path store = write();
    for (Path file : chunks(store)) {
      byte[] header = Arrays.copyOf(bytes(file), ChunkKind.HEADER_BYTES);
      Files.write(file, Arrays.copyOf(header, size(file)));
    }
    try (Store opened = Store.open(options(store));
        Recording recording = new Recording()) {
      recording.enable("io.bailey.Damage");
      recording.start();
      Volume volume = opened.volume("b").orElseThrow();
      assertThat(DiskReads.read(volume, 3, model.get("b"), "zeros")).isFalse();
      assertThat(DiskReads.read(volume, 4, model.get("b"), "zeros")).isFalse();
      assertThat(volume.stats().damaged()).isEqualTo(2);
      assertThat(opened.volume("a").map(v -> v.stats().damaged())).isEqualTo(Optional.of(0L));
      recording.stop();
      Path events = directory.resolve("events.jfr");
      recording.dump(events);
      List<RecordedEvent> found = RecordingFile.readAllEvents(events);
      assertThat(found)
          .extracting(event -> event.getString("volume") + " " + event.getLong("block"))
          .containsExactly("b 3", "b 4");
      String chunks = Pattern.quote(store.resolve("store/chunks").toString());
      assertThat(found)
          .extracting(event -> event.getString("what"))
          .allSatisfy(
              what ->
                  assertThat(what).matches(".* offset \\d+ of " + chunks + "/\\p{XDigit}{64} .*"));
    }
  }
}
