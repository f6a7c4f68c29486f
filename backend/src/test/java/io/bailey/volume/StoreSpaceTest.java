package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Disks that are full. */
@Timeout(120)
final class StoreSpaceTest {
  @TempDir Path directory;

  private static int writeUntilFull(Volume volume, int from, long base) throws IOException {
    for (int i = from; ; i++) {
      try {
        TestStore.write(volume, i, base + i);
      } catch (StorageException e) {
        assertThat(e.kind()).isEqualTo(Kind.NO_SPACE);
        assertThat(e.getMessage()).contains("volume " + volume.name());
        return i;
      }
    }
  }

  @Test
  void writesGetNoSpace_readsGoOn_andWritingGoesOnWhenThereIsRoom() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      test.files.failAll(Kind.NO_SPACE, TestStore.CHUNKS, Call.WRITE);
      int written = writeUntilFull(volume, 0, 0);
      assertThat(written).isGreaterThanOrEqualTo(TestStore.SLOTS * 3 / 4);
      TestStore.compare(volume, 0, written, "full");
      // A second later it is tried again, so what is made then is seen too.
      Awaitility.await().untilAsserted(() -> assertThat(test.chunkFiles()).isEmpty());
      test.files.heal();
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .ignoreExceptions()
          .until(
              () -> {
                TestStore.write(volume, written, written);
                return true;
              });
      TestStore.compare(volume, 0, written + 1, "room again");
      test.reopen();
      TestStore.compare(test.store.volume("v").orElseThrow(), 0, written + 1, "reopened");
    }
  }

  /** The host's buffers end before any one volume's do. */
  @Test
  void manyVolumes_allGetNoSpace_andNoneWaitsForEver() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.files.failAll(Kind.NO_SPACE, TestStore.CHUNKS, Call.WRITE);
      List<Integer> written = new ArrayList<>();
      List<Volume> volumes = new ArrayList<>();
      for (int v = 0; v < 4; v++) {
        volumes.add(test.volume("v" + v, Durability.NONE));
        written.add(writeUntilFull(volumes.get(v), 0, 10_000L * v));
      }
      for (int v = 0; v < 4; v++) {
        TestStore.compare(volumes.get(v), 10_000L * v, written.get(v), "v" + v);
      }
      test.files.heal();
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .ignoreExceptions()
          .until(
              () -> {
                TestStore.write(volumes.get(3), 0, 30_000);
                return true;
              });
    }
  }

  @Test
  void durableVolumes_allGetNoSpace_whereTheLogHasNone() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Predicate<Path> log = path -> path.toString().contains("/journal");
      test.files.failAll(Kind.NO_SPACE, log, Call.WRITE, Call.CREATE);
      List<Volume> volumes = new ArrayList<>();
      for (int v = 0; v < 20; v++) {
        Volume volume = test.volume("v" + v, Durability.FLUSH);
        volumes.add(volume);
        assertThatThrownBy(
                () -> {
                  for (int i = 0; true; i++) {
                    TestStore.write(volume, i, i);
                  }
                })
            .isInstanceOfSatisfying(
                StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NO_SPACE));
      }
      test.files.heal();
      for (Volume volume : volumes) {
        Awaitility.await()
            .atMost(Duration.ofSeconds(60))
            .ignoreExceptions()
            .until(
                () -> {
                  TestStore.write(volume, 0, 30_000);
                  return true;
                });
      }
    }
  }

  @Test
  void aBufferThatACommitFoundNoSpaceFor_isEmptiedOnceThereIs() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      TestStore.write(volume, 0, 0);
      test.files.failAll(Kind.NO_SPACE, TestStore.CHUNKS, Call.WRITE);
      assertThatThrownBy(() -> test.store.commit("v", ImageName.parse("a:1")))
          .isInstanceOf(StorageException.class);
      test.files.heal();
      Awaitility.await().until(() -> volume.stats().bufferBytes() == 0);
    }
  }

  @Test
  void mergesWithoutSpace_keepNobodyWaiting_andTheStoreCloses() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      leaveNoSpaceForMerges(test);
      Volume volume = test.volume("v", Durability.NONE);
      for (int i = 0; i < 20; i++) {
        TestStore.write(volume, i, i);
        volume.checkpoint();
      }
      TestStore.write(volume, 20, 20);
      TestStore.compare(volume, 0, 21, "unmerged");
      test.store.close();
      test.files.heal();
      test.store = Store.open(options(), test.files);
      TestStore.compare(test.store.volume("v").orElseThrow(), 0, 21, "reopened");
    }
  }

  private static void leaveNoSpaceForMerges(TestStore test) {
    test.files.fault(
        (call, path) -> {
          if (call == Call.WRITE
              && TestStore.CHUNKS.test(path)
              && Thread.currentThread().getName().startsWith("bailey-merge")) {
            throw FaultyFiles.failure(Kind.NO_SPACE, call, path);
          }
        });
  }

  @Test
  void aLongLogOverManyRuns_isSortedOnceItRests() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      leaveNoSpaceForMerges(test);
      Volume many = test.volume("v", Durability.FLUSH);
      for (int i = 0; i < 50; i++) {
        TestStore.write(many, i, i);
        many.checkpoint();
      }
      test.store.close();
      test.files.heal();
      test.store = Store.open(options(), test.files);
      Volume volume = test.store.volume("v").orElseThrow();
      // Over 64 MiB, none of which compresses.
      for (int i = 0; i < 17_000; i++) {
        TestStore.write(volume, i % 16_000, i);
      }
      volume.flush();
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> volume.stats().journalBytes() < 1 << 20);
    }
  }

  @Test
  void aMergeAtRest_makesWayForOneThatABufferWaitsFor() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume resting = test.volume("resting", Durability.FLUSH);
      for (int i = 0; i < 2000; i++) {
        TestStore.write(resting, i, i);
      }
      resting.empty();
      resting.trim(0, 1900 * 4096);
      resting.empty();
      CountDownLatch merge = new CountDownLatch(1);
      test.files.fault(
          (call, path) -> {
            if (call == Call.WRITE && Thread.currentThread().getName().startsWith("bailey-merge")) {
              FaultyFiles.await(merge);
            }
          });
      Volume busy = test.volume("busy", Durability.FLUSH);
      AtomicInteger done = new AtomicInteger();
      Thread writer = Thread.ofPlatform().start(() -> checkpoints(busy, done));
      try {
        Awaitility.await()
            .until(() -> done.get() >= 48 && writer.getState() == Thread.State.TIMED_WAITING);
        assertThat(resting.compact()).isFalse();
      } finally {
        merge.countDown();
      }
      writer.join();
      assertThat(done).hasValue(60);
      assertThat(resting.compact()).isTrue();
    }
  }

  private static void checkpoints(Volume volume, AtomicInteger done) {
    try {
      for (int i = 0; i < 60; i++) {
        TestStore.write(volume, i, i);
        volume.checkpoint();
        done.incrementAndGet();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private StoreOptions options() {
    return new StoreOptions(
        directory.resolve("store"), directory.resolve("memory"), TestStore.BUDGET);
  }

  @Test
  void anImportThatFails_leavesNothing_whereverItFails() throws Exception {
    ImageName name = ImageName.parse("debian:12");
    try (TestStore test = new TestStore(directory)) {
      assertThatThrownBy(
              () -> test.store.importImage(name, new RandomDisk(1, 3000, 2900), Progress.NONE))
          .hasMessageContaining("the source broke");
      assertThat(test.chunkFiles()).isEmpty();
      List<Call> calls =
          List.of(Call.CREATE, Call.WRITE, Call.RENAME, Call.SYNC, Call.SYNC_DIRECTORY, Call.READ);
      for (Call call : calls) {
        boolean failed = true;
        for (int n = 1; failed; n++) {
          test.files.failNth(n, Kind.IO, p -> true, call);
          failed = false;
          try {
            test.store.importImage(name, new RandomDisk(1, 1500), Progress.NONE);
            test.files.heal();
            test.store.removeImage(name);
          } catch (IOException e) {
            failed = true;
          }
          test.files.heal();
          assertThat(test.store.images()).as("%s %d", call, n).isEmpty();
          assertThat(test.files.list(test.directory.resolve("images")))
              .as("%s %d", call, n)
              .allMatch(left -> left.endsWith("~new"));
          assertThat(test.chunkFiles()).as("%s %d", call, n).isEmpty();
        }
      }
      test.reopen();
      assertThat(test.store.images()).isEmpty();
      assertThat(test.files.list(test.directory.resolve("images"))).isEmpty();
      assertThat(test.chunkFiles()).isEmpty();
    }
  }
}
