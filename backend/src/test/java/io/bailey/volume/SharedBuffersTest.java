package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How ephemeral volumes share the host's write buffers. */
@Timeout(60)
final class SharedBuffersTest {
  private static final int SLOTS = TestStore.SLOTS;

  @TempDir Path directory;

  private static void fill(Volume volume, int from, int to) throws IOException {
    for (int block = from; block < to; block++) {
      TestStore.write(volume, block, block);
    }
  }

  private static long slots(Volume volume) {
    return volume.stats().bufferBytes() / SlabPool.SLOT_BYTES;
  }

  /** Holds the first write of a run's file; counts all of them. */
  private static AtomicInteger holdFirstWrite(
      TestStore test, CountDownLatch begun, CountDownLatch hold) {
    AtomicInteger writes = new AtomicInteger();
    test.files.fault(
        (call, path) -> {
          boolean ofRun = call == Call.WRITE && TestStore.CHUNKS.test(path);
          if (ofRun && writes.getAndIncrement() == 0) {
            begun.countDown();
            FaultyFiles.await(hold);
          }
        });
    return writes;
  }

  @Test
  void aVolumeThatIsAlone_holdsHalfOfAllBeforeItIsEmptied() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      fill(volume, 0, SLOTS / 2);
      assertThat(test.chunkFiles()).isEmpty();
      assertThat(slots(volume)).isEqualTo(SLOTS / 2);
      fill(volume, SLOTS / 2, SLOTS / 2 + 1);
      await().until(() -> slots(volume) <= 1);
      TestStore.compare(volume, 0, SLOTS / 2 + 1, "emptied");
    }
  }

  /** A write of several blocks, and then one of its last block alone. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsOverwritten_isNotBackAfterAKill(boolean compressible) throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      byte[] four = new byte[4 * 4096];
      byte[] last = compressible ? StampWriter.stamp(1) : TestStore.content(1);
      if (!compressible) {
        new Random(2).nextBytes(four);
      }
      for (int block = 0; block < 40; block += 4) {
        volume.write(block * 4096L, four, 0, four.length);
        volume.write((block + 3) * 4096L, last, 0, last.length);
      }
      try (TestStore after = test.killed("killed", TestStore.BUDGET)) {
        Volume found = after.store.volume("v").orElseThrow();
        byte[] actual = new byte[4096];
        for (int block = 3; block < 40; block += 4) {
          found.read(block * 4096L, actual, 0, 4096);
          assertThat(actual).isEqualTo(last);
        }
      }
    }
  }

  @Test
  void aBufferWithFourBlocksForEachOfItsSlots_isEmptied() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      int most = 4 * SLOTS / 2;
      for (int block = 0; block < most; block++) {
        volume.write(block * 4096L, StampWriter.stamp(block), 0, 4096);
      }
      assertThat(test.chunkFiles()).isEmpty();
      assertThat(slots(volume)).isLessThan(SLOTS / 2);
      volume.write(most * 4096L, StampWriter.stamp(most), 0, 4096);
      await().until(() -> slots(volume) <= 1);
    }
  }

  @Test
  void blocksThatCompress_shareSlots_beforeAndAfterAKill() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      for (int round = 0; round < 2; round++) {
        for (int block = 0; block < SLOTS; block++) {
          volume.write(block * 4096L, StampWriter.stamp(block + round), 0, 4096);
        }
        assertThat(slots(volume)).isBetween(SLOTS / 7L, SLOTS / 7L + 2);
      }
      assertThat(test.chunkFiles()).isEmpty();
      try (TestStore after = test.killed("killed", TestStore.BUDGET)) {
        Volume found = after.store.volume("v").orElseThrow();
        assertThat(slots(found)).isEqualTo(slots(volume));
        byte[] actual = new byte[4096];
        for (int block = 0; block < SLOTS; block++) {
          found.read(block * 4096L, actual, 0, 4096);
          assertThat(Arrays.equals(actual, StampWriter.stamp(block + 1))).isTrue();
        }
        for (int block = 0; block < SLOTS; block += 3) {
          found.write(block * 4096L, StampWriter.stamp(-block), 0, 4096);
        }
        try (TestStore again = after.killed("again", TestStore.BUDGET)) {
          Volume foundAgain = again.store.volume("v").orElseThrow();
          for (int block = 0; block < SLOTS; block++) {
            foundAgain.read(block * 4096L, actual, 0, 4096);
            byte[] stamp = StampWriter.stamp(block % 3 == 0 ? -block : block + 1);
            assertThat(Arrays.equals(actual, stamp)).isTrue();
          }
        }
        found.trim(0, 64 << 20);
        assertThat(slots(found)).as("the range, and the slot being filled").isEqualTo(2);
      }
    }
  }

  @Test
  void aVolumeBesideAnother_holdsHalfOfWhatThatLeaves() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume other = test.volume("other", Durability.NONE);
      fill(other, 0, SLOTS / 4);
      Volume volume = test.volume("v", Durability.NONE);
      int half = SLOTS * 3 / 4 / 2;
      fill(volume, 0, half);
      assertThat(slots(volume)).isEqualTo(half);
      fill(volume, half, half + 1);
      await().until(() -> slots(volume) <= 1);
      assertThat(slots(other)).isEqualTo(SLOTS / 4);
    }
  }

  /** Relief that is on its way counts, or each further write would have one more buffer emptied. */
  @Test
  void whenSlotsRunLow_theFullestIsEmptied_andNoOther() throws Exception {
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch emptying = new CountDownLatch(1);
    try (TestStore test = new TestStore(directory)) {
      List<Volume> volumes = new ArrayList<>();
      int[] held = {900, 850, 800, 200};
      for (int slots : held) {
        Volume volume = test.volume("v" + volumes.size(), Durability.NONE);
        volumes.add(volume);
        fill(volume, 0, slots);
      }
      holdFirstWrite(test, emptying, hold);
      // With 67 more fewer than five 16ths of all are left.
      fill(volumes.getLast(), 200, 300);
      FaultyFiles.await(emptying);
      fill(volumes.getLast(), 300, 350);
      hold.countDown();
      await().until(() -> slots(volumes.getFirst()) == 0);
      // One that had been asked for, too, would be empty soon.
      volumes.getLast().checkpoint();
      assertThat(slots(volumes.get(1))).isEqualTo(held[1]);
      assertThat(slots(volumes.get(2))).isEqualTo(held[2]);
    }
  }

  /** Memory that a machine gives slowly costs more than emptying what there is. */
  @Test
  void whileMemoryIsSlowToCome_aBufferIsEmptiedEarly() throws Exception {
    CountDownLatch hold = new CountDownLatch(1);
    CompletableFuture<Path> third = new CompletableFuture<>();
    try (TestStore test = new TestStore(directory, 16 * TestStore.SLAB_BUDGET)) {
      test.files.fault(
          (call, path) -> {
            if (call == Call.CREATE && path.endsWith("slab-2")) {
              third.complete(path);
            } else if (call == Call.CREATE && path.endsWith("slab-3")) {
              FaultyFiles.await(hold);
            }
          });
      try {
        Volume volume = test.volume("v", Durability.NONE);
        fill(volume, 0, 100);
        Path slab = third.get();
        await().until(() -> Files.exists(slab));
        // Three of 16 slabs but 400 slots, of which there are enough: nobody waits for the fourth.
        int blocks = 3 * SlabPool.SLAB_SLOTS - 400;
        fill(volume, 100, blocks);
        await().until(() -> slots(volume) < blocks / 2);
        hold.countDown();
        TestStore.compare(volume, 0, blocks, "emptied");
      } finally {
        hold.countDown();
      }
    }
  }

  @Test
  void aVolumeThatIsAskedForTwice_leavesAThreadToTheOthers() throws Exception {
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch emptying = new CountDownLatch(1);
    try (TestStore test = new TestStore(directory)) {
      Volume slow = test.volume("slow", Durability.NONE);
      Volume other = test.volume("other", Durability.NONE);
      fill(slow, 0, 100);
      fill(other, 0, 100);
      holdFirstWrite(test, emptying, hold);
      try {
        slow.upkeep().requestRelief();
        FaultyFiles.await(emptying);
        fill(slow, 100, 200);
        slow.upkeep().requestRelief();
        other.upkeep().requestRelief();
        await().until(() -> slots(other) == 0);
      } finally {
        hold.countDown();
      }
      await().until(() -> slots(slow) == 0);
    }
  }

  @Test
  void aVolumeThatIsRemoved_isNotEmptiedToTheEnd() throws Exception {
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch emptying = new CountDownLatch(1);
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      fill(volume, 0, SLOTS / 2 - 1);
      AtomicInteger writes = holdFirstWrite(test, emptying, hold);
      volume.upkeep().requestRelief();
      FaultyFiles.await(emptying);
      Thread removal =
          new Thread(
              () -> {
                try {
                  test.store.removeVolume("v");
                } catch (IOException e) {
                  throw new AssertionError(e);
                }
              });
      removal.start();
      await().until(() -> removal.getState() == Thread.State.BLOCKED);
      hold.countDown();
      removal.join();
      // Of 8 MiB in pieces of one.
      assertThat(writes).hasValueLessThanOrEqualTo(2);
      assertThat(test.chunkFiles()).isEmpty();
    }
  }

  /** A quarter of what the budget allows is there: that is shared as if it were all. */
  @Test
  void whereMemoryEndsBeforeTheBudget_writesWaitForBuffersThatAreEmptied() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.files.fault(
          (call, path) -> {
            if (call == Call.CREATE && path.toString().endsWith("slab-1")) {
              throw FaultyFiles.failure(Kind.NO_SPACE, call, path);
            }
          });
      Volume volume = test.volume("v", Durability.NONE);
      fill(volume, 0, SLOTS);
      TestStore.compare(volume, 0, SLOTS, "written");
    }
  }

  /** Writes so many blocks while no buffer can be emptied, and has the emptying fail then. */
  private static void failWith(TestStore test, Volume volume, int blocks) throws IOException {
    CountDownLatch hold = new CountDownLatch(1);
    test.files.fault(
        (call, path) -> {
          if (call == Call.WRITE && TestStore.CHUNKS.test(path)) {
            FaultyFiles.await(hold);
            throw FaultyFiles.failure(Kind.IO, call, path);
          }
        });
    byte[] bytes = new byte[blocks * SlabPool.SLOT_BYTES];
    for (int block = 0; block < blocks; block++) {
      System.arraycopy(TestStore.content(block), 0, bytes, block * SlabPool.SLOT_BYTES, 4096);
    }
    volume.write(0, bytes, 0, bytes.length);
    hold.countDown();
    volume.upkeep().requestRelief();
    await().until(() -> !volume.upkeep().canBeSorted());
  }

  @Test
  void whereFailedVolumesHoldAllSlots_writesFailAndDoNotHang_untilOneIsRemoved() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume failed = test.volume("failed", Durability.NONE);
      Volume other = test.volume("other", Durability.NONE);
      Volume durable = test.volume("durable", Durability.FLUSH);
      failWith(test, failed, SLOTS);
      for (Volume volume : List.of(other, durable)) {
        assertThatThrownBy(() -> TestStore.write(volume, 0, 1))
            .isInstanceOf(StorageException.class)
            .hasMessageContaining("hold all write buffers: remove them")
            .extracting(e -> ((StorageException) e).kind())
            .isEqualTo(Kind.NO_SPACE);
      }
      TestStore.compare(failed, 0, SLOTS, "acknowledged");
      test.store.removeVolume("failed");
      test.files.heal();
      fill(other, 0, SLOTS);
      TestStore.compare(other, 0, SLOTS, "written");
    }
  }

  @Test
  void whereAVolumeThatCantBeRemovedHoldsAllSlots_writesFail_untilItCan() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume failed = test.volume("failed", Durability.NONE);
      Volume other = test.volume("other", Durability.NONE);
      failWith(test, failed, SLOTS);
      test.files.failAll(Kind.IO, path -> path.endsWith("failed"), Call.DELETE);
      assertThatThrownBy(() -> test.store.removeVolume("failed"))
          .isInstanceOf(StorageException.class);
      assertThatThrownBy(() -> TestStore.write(other, 0, 1))
          .hasMessageContaining("hold all write buffers: remove them");
      test.files.heal();
      test.store.removeLeftOut("failed");
      CountDownLatch hold = new CountDownLatch(1);
      test.files.delay(hold, TestStore.CHUNKS, Call.WRITE);
      byte[] all = new byte[SLOTS * SlabPool.SLOT_BYTES];
      new Random(1).nextBytes(all);
      CompletableFuture<Throwable> writer =
          CompletableFuture.supplyAsync(
              () ->
                  catchThrowable(
                      () -> {
                        other.write(0, all, 0, all.length);
                        other.write(0, all, 0, all.length);
                      }));
      try {
        // In which a writer that waits looks several times who has all buffers.
        assertThatThrownBy(() -> writer.get(4, TimeUnit.SECONDS))
            .isInstanceOf(TimeoutException.class);
      } finally {
        hold.countDown();
      }
      assertThat(writer.join()).isNull();
    }
  }

  @Test
  void whereAVolumeThatIsLeftOutHoldsAllSlots_writesFailAndDoNotHang() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume failed = test.volume("failed", Durability.NONE);
      failWith(test, failed, SLOTS);
      Path copy = test.copyAs("killed");
      Path root = copy.resolve("memory").resolve(StoreDirectory.VOLUMES).resolve("failed");
      Files.write(root, new byte[100]);
      StoreOptions options =
          new StoreOptions(copy.resolve("store"), copy.resolve("memory"), TestStore.BUDGET);
      try (Store after = Store.open(options, new FaultyFiles())) {
        VolumeSpec spec = new VolumeSpec(Optional.empty(), 1 << 20, Durability.NONE);
        Volume other = after.createVolume("other", spec);
        assertThatThrownBy(() -> TestStore.write(other, 0, 1))
            .hasMessageContaining("hold all write buffers: remove them");
      }
    }
  }

  @Test
  void whereFailedVolumesHoldMostSlots_aLongWriteTakesThoseThereAre() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      failWith(test, test.volume("failed", Durability.NONE), SLOTS - 8);
      test.files.heal();
      Volume other = test.volume("other", Durability.NONE);
      byte[] bytes = new byte[64 * SlabPool.SLOT_BYTES];
      Arrays.fill(bytes, (byte) 1);
      other.write(0, bytes, 0, bytes.length);
      byte[] read = new byte[bytes.length];
      other.read(0, read, 0, read.length);
      assertThat(read).isEqualTo(bytes);
    }
  }
}
