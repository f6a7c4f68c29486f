package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the next process makes of a journal, and of slots that it has as well. */
final class LogRecoveryTest {
  private static final int BLOCKS = 600;
  private static final int SLAB_SLOTS = 1024;

  @TempDir Path directory;

  /** Writes, trims and zeroes at random, and the same on an array. */
  private static void change(Volume volume, byte[] model, Random random) throws IOException {
    int blocks = 1 + random.nextInt(random.nextInt(10) == 0 ? 200 : 8);
    int first = random.nextInt(BLOCKS - blocks + 1);
    int offset = first * 4096;
    int length = blocks * 4096;
    if (random.nextInt(3) == 0) {
      volume.trim(offset, length);
      Arrays.fill(model, offset, offset + length, (byte) 0);
      return;
    }
    if (random.nextInt(3) == 0) {
      offset += 512;
      length -= 1024;
    }
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    if (random.nextInt(5) == 0) {
      Arrays.fill(bytes, (byte) 0);
    }
    volume.write(offset, bytes, 0, length);
    System.arraycopy(bytes, 0, model, offset, length);
  }

  private static void assertHolds(TestStore test, byte[] model, String when) throws IOException {
    byte[] actual = new byte[model.length];
    test.store.volume("v").orElseThrow().read(0, actual, 0, actual.length);
    int at = Arrays.mismatch(actual, model);
    assertThat(at).as("%s: first wrong byte", when).isEqualTo(-1);
  }

  private static Volume create(TestStore test, String name) throws IOException {
    return test.store.createVolume(
        name, new VolumeSpec(Optional.empty(), BLOCKS * 4096L, Durability.FLUSH));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void everyWriteSurvivesKills_andEveryFlushedOneCuts_againAndAgain(long seed) throws Exception {
    Random random = new Random(seed);
    byte[] model = new byte[BLOCKS * 4096];
    TestStore test = new TestStore(directory);
    try {
      create(test, "v");
      for (int end = 0; end < 6; end++) {
        Volume volume = test.store.volume("v").orElseThrow();
        for (int i = random.nextInt(60); i > 0; i--) {
          change(volume, model, random);
          switch (random.nextInt(20)) {
            case 0 -> volume.flush();
            case 1 -> volume.checkpoint();
            case 2 -> assertHolds(test, model, "seed " + seed);
            default -> {}
          }
        }
        boolean cut = random.nextBoolean();
        if (cut) {
          volume.flush();
        }
        // A copy takes time, in which no file may go.
        volume.endMerges();
        volume.merge();
        String name = (cut ? "cut" : "killed") + end;
        TestStore next =
            cut ? test.powerless(name, TestStore.BUDGET) : test.killed(name, TestStore.BUDGET);
        test.close();
        test = next;
        assertHolds(test, model, "seed " + seed + ", " + name);
      }
      test.reopen();
      assertHolds(test, model, "seed " + seed + ", closed");
    } finally {
      test.close();
    }
  }

  /**
   * The process dies when a record is in the log and some of the slots that it was made of are
   * given back: any of them, for a slot that is older than another may outlive it.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aKillWhileSlotsAreGivenBack_bringsNoOldVersionBack(long seed) throws Exception {
    Random random = new Random(seed);
    byte[] model = new byte[BLOCKS * 4096];
    try (TestStore test = new TestStore(directory)) {
      Volume volume = create(test, "v");
      for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 12; i++) {
          change(volume, model, random);
        }
        Path before = test.copyAs("before" + round);
        volume.flush();
        Path after = test.copyAs("after" + round);
        try (RandomAccessFile slab =
            new RandomAccessFile(before.resolve("memory/slab-0").toFile(), "rw")) {
          for (int slot = 0; slot < SLAB_SLOTS; slot++) {
            if (random.nextBoolean()) {
              slab.seek(4096 + 32L * slot);
              slab.writeLong(0);
            }
          }
        }
        StoreOptions mixed =
            new StoreOptions(after.resolve("store"), before.resolve("memory"), TestStore.BUDGET);
        try (Store store = Store.open(mixed)) {
          byte[] actual = new byte[model.length];
          store.volume("v").orElseThrow().read(0, actual, 0, actual.length);
          assertThat(Arrays.mismatch(actual, model)).as("seed %d", seed).isEqualTo(-1);
        }
      }
    }
  }

  private static Path onlySegment(Path store) throws IOException {
    try (var files = Files.list(store.resolve("journal"))) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      return all.getFirst();
    }
  }

  @Test
  void aDamagedRecord_takesItsVolumeOut_namingThePlace_andNoOther() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      for (String name : List.of("a", "b", "c")) {
        create(test, name);
      }
      for (int i = 0; i < 5; i++) {
        for (String name : List.of("a", "b", "c")) {
          Volume volume = test.store.volume(name).orElseThrow();
          TestStore.write(volume, i, i);
          volume.flush();
        }
      }
      // a's second record, and b's last, after which only c has one.
      for (int record : List.of(3, 13)) {
        Path killed = test.copyAs("killed" + record);
        Path segment = onlySegment(killed.resolve("store"));
        byte[] whole = Files.readAllBytes(segment);
        byte[] damaged = whole.clone();
        int at = recordOffset(whole, record);
        damaged[at + 40] ^= 1;
        Files.write(segment, damaged);
        forgetKept(killed);
        StoreOptions options =
            new StoreOptions(killed.resolve("store"), killed.resolve("memory"), TestStore.BUDGET);
        try (Store store = Store.open(options)) {
          String hit = record == 3 ? "a" : "b";
          assertThat(store.volumes()).hasSize(2).extracting(Volume::name).doesNotContain(hit);
          for (Volume volume : store.volumes()) {
            TestStore.compare(volume, 0, 5, volume.name());
          }
          assertThatThrownBy(
                  () ->
                      store.createVolume(
                          hit, new VolumeSpec(Optional.empty(), 4096, Durability.NONE)))
              .isInstanceOf(StorageException.class);
        }
        // Its records are kept, for a copy of the segment may turn up.
        assertThat(segment).exists();
        Files.write(segment, whole);
        try (Store store = Store.open(options)) {
          assertThat(store.volumes()).hasSize(3);
          for (Volume volume : store.volumes()) {
            TestStore.compare(volume, 0, 5, volume.name());
          }
        }
      }
    }
  }

  /** What is kept of the records is enough after a kill; the check tells of the damage. */
  @Test
  void aRecordThatIsDamagedUnderAKilledProcess_costsNothing() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = create(test, "v");
      for (int i = 0; i < 5; i++) {
        TestStore.write(volume, i, i);
        volume.flush();
      }
      Path killed = test.copyAs("killed");
      Path segment = onlySegment(killed.resolve("store"));
      byte[] bytes = Files.readAllBytes(segment);
      bytes[recordOffset(bytes, 2) + 40] ^= 1;
      Files.write(segment, bytes);
      StoreOptions options =
          new StoreOptions(killed.resolve("store"), killed.resolve("memory"), TestStore.BUDGET);
      try (Store store = Store.open(options)) {
        TestStore.compare(store.volume("v").orElseThrow(), 0, 5, "v");
        CheckReport report =
            store.check(new CheckOptions(List.of(), false), Progress.NONE, () -> false);
        assertThat(report.damage()).hasSize(1);
      }
    }
  }

  /** What is kept is of another log: the store was put back from a copy of an hour ago. */
  @Test
  void whatIsKeptOfAnotherLog_isNotUsed() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = create(test, "v");
      TestStore.write(volume, 0, 0);
      volume.flush();
      Path before = test.copyAs("before");
      for (int i = 1; i < 5; i++) {
        TestStore.write(volume, i, i);
        volume.flush();
      }
      Path after = test.copyAs("after");
      StoreOptions options =
          new StoreOptions(before.resolve("store"), after.resolve("memory"), TestStore.BUDGET);
      try (Store store = Store.open(options)) {
        TestStore.compare(store.volume("v").orElseThrow(), 0, 1, "v");
        byte[] block = new byte[4096];
        store.volume("v").orElseThrow().read(4096, block, 0, block.length);
        assertThat(block).containsOnly(0);
      }
    }
  }

  private static void forgetKept(Path killed) throws IOException {
    try (DirectoryStream<Path> kept = Files.newDirectoryStream(killed.resolve("memory"), "log-*")) {
      for (Path file : kept) {
        Files.delete(file);
      }
    }
  }

  private static int recordOffset(byte[] segment, int number) {
    int found = 0;
    for (int at = 64; ; at += 8) {
      if (segment[at] == 'B'
          && segment[at + 1] == 'L'
          && segment[at + 2] == 'Y'
          && segment[at + 3] == 'J'
          && found++ == number) {
        return at;
      }
    }
  }

  @Test
  void aLogWithALargerIndexThanThereIsMemoryFor_isSortedOnTheWay() throws Exception {
    int blocks = 20_000;
    Path store = directory.resolve("store");
    StoreOptions much = new StoreOptions(store, directory.resolve("much"), 512L << 20);
    StoreOptions little = new StoreOptions(store, directory.resolve("little"), 32L << 20);
    byte[] text = new byte[4096];
    try (Store first = Store.open(much)) {
      for (String name : List.of("a", "b", "c")) {
        Volume volume =
            first.createVolume(
                name, new VolumeSpec(Optional.empty(), blocks * 4096L, Durability.FLUSH));
        for (int i = 0; i < blocks; i++) {
          Arrays.fill(text, (byte) (1 + i % 100));
          volume.write(i * 4096L, text, 0, 4096);
        }
        volume.flush();
        assertThat(volume.stats().levelBytes()).as("not sorted yet").isEmpty();
      }
      try (var files = Files.walk(store)) {
        for (Path path : files.toList()) {
          Path to = directory.resolve("cut").resolve(store.relativize(path).toString());
          if (Files.isDirectory(path)) {
            Files.createDirectories(to);
          } else {
            Files.copy(path, to);
          }
        }
      }
    }
    StoreOptions cut =
        new StoreOptions(
            directory.resolve("cut"), directory.resolve("little"), little.memoryBudgetBytes());
    try (Store again = Store.open(cut)) {
      for (Volume volume : again.volumes()) {
        byte[] actual = new byte[4096];
        for (int i = 0; i < blocks; i += 37) {
          volume.read(i * 4096L, actual, 0, 4096);
          Arrays.fill(text, (byte) (1 + i % 100));
          assertThat(Arrays.equals(actual, text)).as("%s %d", volume.name(), i).isTrue();
        }
      }
      assertThat(again.volumes().getFirst().stats().levelBytes()).as("sorted").isNotEmpty();
    }
  }
}
