package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.OpenFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class StoreTest {
  @TempDir Path directory;

  private static void fails(Kind kind, String says, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(StorageException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(says)
        .hasMessageNotContaining("\n");
  }

  private static void fails(String says, ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOf(IOException.class).hasMessageContaining(says);
  }

  private StoreOptions options() {
    return new StoreOptions(
        directory.resolve("store"), directory.resolve("memory"), TestStore.BUDGET);
  }

  @Test
  void aLockThatCantBeWritten_isNamed_andLetGo() throws Exception {
    Path lock = directory.resolve("store/lock");
    try (Store _ = Store.open(options())) {
      assertThat(lock).hasContent(ProcessHandle.current().pid() + "\n");
    }
    Files.delete(lock);
    Path full = Path.of("/dev/full");
    Files.createSymbolicLink(lock, full);
    fails(Kind.NO_SPACE, "no space left for " + lock, () -> Store.open(options()));
    assertThat(OpenFiles.at(full)).isEmpty();
    Files.delete(lock);
    Files.writeString(lock, "the pid of a process that was before");
    try (Store _ = Store.open(options())) {
      assertThat(lock).hasContent(ProcessHandle.current().pid() + "\n");
    }
  }

  @Test
  void wrongNamesAndSizes_areRefused_andTakenNamesToo() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Store store = test.store;
      for (String name : List.of("", "A", "a/b", "..", ".a", "a:b", "a~new", "x".repeat(64))) {
        fails(Kind.INVALID, "not allowed", () -> test.volume(name, Durability.NONE));
        fails(Kind.INVALID, "not allowed", () -> ImageName.parse(name + ":" + name));
      }
      for (long size : new long[] {-512, 0, 1, 513, (1L << 48) + 512}) {
        VolumeSpec spec = new VolumeSpec(Optional.empty(), size, Durability.FLUSH);
        fails(Kind.INVALID, "multiple of 512", () -> store.createVolume("v", spec));
      }
      test.volume("v", Durability.FLUSH);
      fails(Kind.EXISTS, "volume v", () -> test.volume("v", Durability.FLUSH));
      ImageName image = ImageName.parse("debian");
      store.importImage(image, new RandomDisk(0, 10), Progress.NONE);
      fails(
          Kind.EXISTS,
          "debian:latest",
          () -> store.importImage(image, new RandomDisk(0, 10), Progress.NONE));
      fails(Kind.EXISTS, "debian:latest", () -> store.commit("v", image));
      VolumeSpec small = new VolumeSpec(Optional.of(image), 512, Durability.FLUSH);
      fails(Kind.INVALID, "smaller", () -> store.createVolume("w", small));
      fails(Kind.NOT_FOUND, "none:1", () -> test.fork("w", "none:1"));
      fails(Kind.NOT_FOUND, "none", () -> store.removeVolume("none"));
      fails(Kind.NOT_FOUND, "none:1", () -> store.removeImage(ImageName.parse("none:1")));
      assertThat(store.volumes()).extracting(Volume::name).containsExactly("v");
    }
  }

  @Test
  void aName_thatLooksLikeATemporaryFile_isANameLikeOthers() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume plain = test.volume("v", Durability.FLUSH);
      Volume volume = test.volume("v.new", Durability.FLUSH);
      TestStore.write(volume, 0, 5);
      TestStore.write(plain, 0, 6);
      plain.checkpoint();
      volume.checkpoint();
      test.store.commit("v.new", ImageName.parse("a:1.new"));
      test.reopen();
      assertThat(test.store.volumes()).extracting(Volume::name).containsExactly("v", "v.new");
      assertThat(test.store.images()).hasSize(1);
      TestStore.compare(test.store.volume("v.new").orElseThrow(), 5, 1, "v.new");
      TestStore.compare(test.store.volume("v").orElseThrow(), 6, 1, "v");
    }
  }

  @Test
  void aNameIsTaken_untilItsVolumeIsGone() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.volume("v", Durability.FLUSH);
      List<Throwable> refused = new ArrayList<>();
      test.files.fault(
          (call, path) -> {
            if (call == Call.DELETE && path.endsWith("volumes/v")) {
              test.files.heal();
              try {
                test.volume("v", Durability.FLUSH);
              } catch (StorageException e) {
                refused.add(e);
              }
              assertThatThrownBy(() -> test.store.removeVolume("v"))
                  .isInstanceOf(StorageException.class);
            }
          });
      test.store.removeVolume("v");
      assertThat(refused).hasSize(1);
      TestStore.write(test.volume("v", Durability.FLUSH), 0, 9);
      test.reopen();
      TestStore.compare(test.store.volume("v").orElseThrow(), 9, 1, "the second v");
    }
  }

  @Test
  void aCommitWhoseSyncFailed_failsAgain() throws Exception {
    for (Call call : List.of(Call.SYNC, Call.SYNC_DIRECTORY)) {
      try (TestStore test = new TestStore(directory.resolve(call.toString()))) {
        Volume volume = test.volume("v", Durability.NONE);
        TestStore.write(volume, 0, 5);
        test.files.failNth(1, Kind.IO, TestStore.CHUNKS, call);
        ImageName image = ImageName.parse("a:1");
        fails("made to fail", () -> test.store.commit("v", image));
        fails("made to fail", () -> test.store.commit("v", image));
        assertThat(test.store.images()).isEmpty();
        TestStore.compare(volume, 5, 1, "still served");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRemovalThatFails_canBeRepeated_orIsUndoneByTheNextStart(boolean unforeseen)
      throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      TestStore.write(volume, 0, 5);
      volume.flush();
      test.files.fault(
          (call, path) -> {
            if (call == Call.DELETE && path.endsWith("volumes/v")) {
              if (unforeseen) {
                throw new NullPointerException();
              }
              throw new IOException("the disk is ill");
            }
          });
      Class<?> failure = unforeseen ? NullPointerException.class : IOException.class;
      String says = unforeseen ? "NullPointerException" : "the disk is ill";
      assertThatThrownBy(() -> test.store.removeVolume("v")).isInstanceOf(failure);
      assertThatThrownBy(() -> test.store.removeLeftOut("v")).isInstanceOf(failure);
      test.files.heal();
      assertThat(test.store.leftOut()).containsOnlyKeys("v");
      assertThat(test.store.leftOut().get("v")).contains("its removal failed: ").contains(says);
      fails(Kind.DAMAGED, "'bailey rm v' tries again", () -> test.volume("v", Durability.NONE));
      test.reopen();
      TestStore.compare(test.store.volume("v").orElseThrow(), 5, 1, "v again");
    }
  }

  @Test
  void aRemovalThatIsRepeated_givesBackWhatTheVolumeHeld() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      for (int block = 0; block < TestStore.SLOTS / 4; block++) {
        TestStore.write(volume, block, block);
      }
      test.files.fault(
          (call, path) -> {
            if (call == Call.DELETE && path.endsWith("v")) {
              throw new IOException("the disk is ill");
            }
          });
      fails("the disk is ill", () -> test.store.removeVolume("v"));
      test.files.heal();
      test.store.removeLeftOut("v");
      assertThat(test.store.leftOut()).isEmpty();
      Volume other = test.volume("v", Durability.NONE);
      for (int block = 0; block < TestStore.BUFFER_BLOCKS; block++) {
        TestStore.write(other, block, block);
      }
      assertThat(other.stats().bufferBytes())
          .as("all that one may have who is alone")
          .isEqualTo(4096L * TestStore.BUFFER_BLOCKS);
    }
  }

  @Test
  void tooSmallABudget_aForeignDirectory_aNewerStore_areRefused() throws Exception {
    Path foreign = directory.resolve("foreign");
    Files.createDirectories(foreign);
    Files.writeString(foreign.resolve("letter.txt"), "dear");
    StoreOptions there = new StoreOptions(foreign, directory.resolve("m2"), TestStore.BUDGET);
    fails(Kind.INVALID, "letter.txt", () -> Store.open(there));
    assertThat(foreign.resolve("letter.txt")).hasContent("dear");
    assertThat(foreign.toFile().list()).containsExactly("letter.txt");
    StoreOptions tiny =
        new StoreOptions(directory.resolve("store"), directory.resolve("memory"), 1 << 20);
    fails(Kind.INVALID, "32 MiB", () -> Store.open(tiny));

    Store.open(options()).close();
    Path marker = directory.resolve("store/store");
    byte[] bytes = Files.readAllBytes(marker);
    bytes[7] = 3;
    Files.write(marker, bytes);
    fails(Kind.TOO_NEW, "newer bailey", () -> Store.open(options()));
    bytes[7] = 2;
    bytes[0] = 'X';
    Files.write(marker, bytes);
    fails(Kind.DAMAGED, marker.toString(), () -> Store.open(options()));
    bytes[0] = 'B';
    Files.write(marker, bytes);
    Store.open(options()).close();
  }

  /** Holds a store open until its input ends. */
  public static void main(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    try (Store store =
        Store.open(
            new StoreOptions(
                directory.resolve("store"), directory.resolve("memory"), TestStore.BUDGET))) {
      System.out.println("open " + store.volumes().size());
      while (System.in.read() >= 0) {
        // Until the test closes it.
      }
    }
  }

  @Test
  void aStoreInUse_isRefused_namingTheProcess() throws Exception {
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                StoreTest.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      String line;
      do {
        line = other.inputReader().readLine();
        assertThat(line).as("the other process ended").isNotNull();
      } while (!line.startsWith("open"));
      fails(Kind.IN_USE, "process " + other.pid(), () -> Store.open(options()));
      other.getOutputStream().close();
      assertThat(other.waitFor()).isZero();
      try (Store store = Store.open(options())) {
        fails(Kind.IN_USE, "this process", () -> Store.open(options()));
        assertThat(store.volumes()).isEmpty();
      }
    } finally {
      other.destroyForcibly();
    }
  }

  @Test
  void aBlockOfAnImage_isReadFromDiskOnce_byAHundredVolumes() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      ImageName image = ImageName.parse("golden:1");
      test.store.importImage(image, new RandomDisk(0, 100), Progress.NONE);
      test.reopen();
      test.store.awaitCollection();
      VolumeSpec fork = new VolumeSpec(Optional.of(image), 0, Durability.NONE);
      List<Volume> volumes = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        volumes.add(test.store.createVolume("v" + i, fork));
      }
      byte[] block = new byte[4096];
      volumes.getFirst().read(90 * 4096, block, 0, 4096); // opens the files
      test.files.resetCounts();
      for (Volume volume : volumes) {
        volume.read(7 * 4096, block, 0, 4096);
        assertThat(block).as(volume.name()).isEqualTo(TestStore.content(7));
      }
      assertThat(test.files.count(Call.READ)).isEqualTo(1);
      assertThat(volumes).extracting(v -> v.stats().readsFromDisk()).containsOnly(2L, 0L);
      assertThat(volumes.stream().mapToLong(v -> v.stats().readsFromCache()).sum()).isEqualTo(99);
    }
  }

  @Test
  void aRemovedImage_keepsItsChunks_untilItsLastForkGoes() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      ImageName name = ImageName.parse("golden:1");
      test.store.importImage(name, new RandomDisk(50, 2000), Progress.NONE);
      int files = test.chunkFiles().size();
      assertThat(files).isGreaterThan(2);
      test.fork("a", "golden:1");
      test.fork("b", "golden:1");
      test.store.removeImage(name);
      test.store.removeVolume("a");
      test.reopen();
      assertThat(test.chunkFiles()).hasSize(files);
      TestStore.compare(test.store.volume("b").orElseThrow(), 50, 2000, "the last fork");
      test.store.removeVolume("b");
      Awaitility.await("what was read ahead is let go of")
          .untilAsserted(() -> assertThat(test.chunkFiles()).isEmpty());
    }
  }

  /** A volume's runs may not have been read yet, and refer to what an image's runs refer to. */
  @Test
  void anImageRemovedSoonAfterAStart_takesNothingThatAVolumeNeeds() throws Exception {
    ImageName name = ImageName.parse("golden:1");
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      for (int block = 0; block < 600; block++) {
        TestStore.write(volume, block, block);
      }
      test.store.commit("v", name);
      for (int i = 0; i < 4; i++) {
        TestStore.write(volume, 600 + i, 600 + i);
        volume.checkpoint();
      }
      volume.merge();
      CountDownLatch removed = new CountDownLatch(1);
      AtomicInteger reads = new AtomicInteger();
      test.files.fault(
          (call, path) -> {
            // The first is of a file's header, with a lock that the removal needs.
            if (call == Call.READ
                && Thread.currentThread().getName().startsWith("bailey-collect")
                && reads.incrementAndGet() > 1) {
              FaultyFiles.await(removed);
            }
          });
      test.reopen();
      test.store.removeImage(name);
      removed.countDown();
      TestStore.compare(test.store.volume("v").orElseThrow(), 0, 604, "the image is gone");
      test.store.awaitCollection();
      TestStore.compare(test.store.volume("v").orElseThrow(), 0, 604, "collected");
      test.store.removeVolume("v");
      Awaitility.await().untilAsserted(() -> assertThat(test.chunkFiles()).isEmpty());
    }
  }

  @Test
  void aRemovalThatFailsBeforeTheCollection_leavesTheVolumeWhatItsRootNames() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      for (int block = 0; block < 600; block++) {
        TestStore.write(volume, block, block);
      }
      test.files.fault(
          (call, path) -> {
            boolean collects = Thread.currentThread().getName().startsWith("bailey-collect");
            if ((call == Call.READ && collects) || (call == Call.DELETE && path.endsWith("v"))) {
              throw FaultyFiles.failure(Kind.IO, call, path);
            }
          });
      test.reopen();
      test.store.awaitCollection();
      fails(Kind.IO, "DELETE", () -> test.store.removeVolume("v"));
      test.files.heal();
      test.store.collect();
      test.reopen();
      TestStore.compare(test.store.volume("v").orElseThrow(), 0, 600, "back again");
    }
  }

  @Test
  void aFork_costsTheSame_whateverTheImagesSize() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.store.importImage(ImageName.parse("small"), new RandomDisk(0, 10), Progress.NONE);
      test.store.importImage(ImageName.parse("large"), new RandomDisk(0, 20_000), Progress.NONE);
      test.reopen();
      test.store.awaitCollection();
      List<List<Long>> costs = new ArrayList<>();
      for (String image : List.of("small", "large")) {
        test.files.resetCounts();
        test.fork("fork-" + image, image);
        List<Long> cost = new ArrayList<>();
        for (Call call : Call.values()) {
          cost.add(test.files.count(call));
        }
        costs.add(cost);
        assertThat(test.files.bytesRead()).as(image).isZero();
        assertThat(test.files.bytesWritten()).as(image).isLessThan(2000);
      }
      assertThat(costs.get(1)).isEqualTo(costs.get(0));
      TestStore.compare(test.store.volume("fork-large").orElseThrow(), 0, 50, "the fork");
    }
  }

  @Test
  void anEphemeralVolume_neverWaitsForTheDisk() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.store.importImage(ImageName.parse("golden"), new RandomDisk(0, 100), Progress.NONE);
      test.files.resetCounts();
      Volume volume =
          test.store.createVolume(
              "v",
              new VolumeSpec(Optional.of(ImageName.parse("golden")), 64 << 20, Durability.NONE));
      for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 300; i++) {
          TestStore.write(volume, 100 + i, round + i);
        }
        volume.flush();
        volume.checkpoint();
        volume.zero(4096, 8192, false);
      }
      volume.merge();
      assertThat(test.files.count(Call.SYNC)).isZero();
      assertThat(test.files.count(Call.SYNC_DIRECTORY)).isZero();
    }
  }

  @Test
  void aVolumeWhoseRootCantBeRead_losesNothing_untilItCan() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume =
          test.store.createVolume("v", new VolumeSpec(Optional.empty(), 1 << 20, Durability.FLUSH));
      TestStore.write(volume, 3, 7);
      Path killed = test.copyAs("killed");
      Path root = killed.resolve("store/volumes/v");
      byte[] whole = Files.readAllBytes(root);
      byte[] damaged = whole.clone();
      damaged[whole.length / 2] ^= 1;
      Files.write(root, damaged);
      StoreOptions options =
          new StoreOptions(killed.resolve("store"), killed.resolve("memory"), TestStore.BUDGET);
      for (int start = 0; start < 2; start++) {
        try (Store store = Store.open(options)) {
          assertThat(store.volume("v")).isEmpty();
          assertThatThrownBy(
                  () ->
                      store.createVolume(
                          "v", new VolumeSpec(Optional.empty(), 4096, Durability.NONE)))
              .hasMessageContaining("can't be served");
        }
      }
      Files.write(root, whole);
      try (Store store = Store.open(options)) {
        byte[] found = new byte[4096];
        store.volume("v").orElseThrow().read(3 * 4096, found, 0, 4096);
        byte[] expected = new byte[4096];
        volume.read(3 * 4096, expected, 0, 4096);
        assertThat(found).isEqualTo(expected);
      }
    }
  }
}
