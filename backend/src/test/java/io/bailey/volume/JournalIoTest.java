package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What each step of a durable volume asks of the disk; {@code docs/journal.md} reckons with it. */
@Timeout(120)
final class JournalIoTest {
  private static final int BATCH = 32;

  @TempDir Path directory;

  /** Half of it is zeros, so that it takes half of its bytes. */
  private static byte[] halfFull(long seed) {
    byte[] block = new byte[4096];
    byte[] half = new byte[2048];
    new Random(seed).nextBytes(half);
    System.arraycopy(half, 0, block, 0, half.length);
    return block;
  }

  private static void writeBatch(Volume volume, int from) throws IOException {
    for (int i = from; i < from + BATCH; i++) {
      volume.write(i * 4096L, halfFull(i), 0, 4096);
    }
  }

  private static long calls(FaultyFiles files) {
    long all = 0;
    for (Call call : Call.values()) {
      all += files.count(call);
    }
    return all;
  }

  @Test
  void writesAskForNothing_aFlushForOneWriteAndOneSync_aReadForOneRead() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      writeBatch(volume, 0);
      volume.flush();
      test.files.resetCounts();
      writeBatch(volume, BATCH);
      assertThat(calls(test.files)).isZero();

      volume.flush();
      assertThat(test.files.count(Call.WRITE)).isEqualTo(1);
      assertThat(test.files.count(Call.SYNC)).isEqualTo(1);
      assertThat(calls(test.files)).isEqualTo(2);
      assertThat(test.files.bytesWritten()).isBetween(BATCH * 2048L, BATCH * 2150L);

      test.files.resetCounts();
      byte[] back = new byte[BATCH * 4096];
      volume.read(BATCH * 4096L, back, 0, back.length);
      assertThat(test.files.count(Call.READ)).as("values side by side").isEqualTo(1);
      volume.read(BATCH * 4096L, back, 0, back.length);
      assertThat(calls(test.files)).as("kept when it is missed again").isEqualTo(2);
      assertThat(volume.tryRead(BATCH * 4096L, MemorySegment.ofArray(back), 0, back.length))
          .isTrue();
      volume.flush();
      assertThat(calls(test.files)).as("a flush of nothing").isEqualTo(2);
    }
  }

  @Test
  void whileARecordIsLate_writersAreSlowedDown_andNotStopped() throws Exception {
    try (TestStore test = new TestStore(directory);
        ExecutorService flusher = Executors.newSingleThreadExecutor()) {
      Volume volume = test.volume("v", Durability.FLUSH);
      TestStore.write(volume, 0, 0);
      CountDownLatch hold = new CountDownLatch(1);
      try {
        test.files.delay(hold, path -> path.toString().endsWith(".log"), Call.WRITE);
        Future<?> flush =
            flusher.submit(
                () -> {
                  volume.flush();
                  return true;
                });
        MemorySegment block = MemorySegment.ofArray(new byte[4096]);
        // 256 blocks are the most that may wait here; who has a quarter is slowed down.
        await()
            .until(
                () -> {
                  for (int i = 0; i < 80; i++) {
                    TestStore.write(volume, i, 1);
                  }
                  return !volume.tryWrite(0, block, 0, 4096);
                });
        TestStore.write(volume, 80, 1);
        assertThat(flush.isDone()).isFalse();
        hold.countDown();
        flush.get();
        assertThat(volume.tryWrite(0, block, 0, 4096)).isTrue();
      } finally {
        hold.countDown();
      }
    }
  }

  @Test
  void sorting_readsARecordAtOnce_andSyncsValuesTreeRootAndTheirDirectories() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      for (int i = 0; i < 20; i++) {
        writeBatch(volume, i * BATCH);
        volume.flush();
      }
      test.files.resetCounts();
      volume.checkpoint();
      assertThat(test.files.count(Call.READ)).isLessThanOrEqualTo(20);
      long created = test.files.count(Call.CREATE);
      // The content may say that a file of values ends after its first MiB.
      assertThat(created).as("values, tree, root").isBetween(3L, 4L);
      assertThat(test.files.count(Call.SYNC)).isEqualTo(created);
      assertThat(test.files.count(Call.SYNC_DIRECTORY)).isEqualTo(2);
      assertThat(test.files.bytesWritten()).isBetween(20L * BATCH * 2048, 20L * BATCH * 2200);
    }
  }

  @Test
  void whatManyVolumesWrite_goesToTheLogWithoutAFlush_aRecordForEachEightBlocksOrMore()
      throws Exception {
    try (TestStore test = new TestStore(directory)) {
      List<Volume> volumes = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        volumes.add(test.volume("v" + i, Durability.FLUSH));
        TestStore.write(volumes.getLast(), 0, 0);
        volumes.getLast().flush();
      }
      test.files.resetCounts();
      for (int block = 1; block < 16; block++) {
        for (Volume volume : volumes) {
          TestStore.write(volume, block, block);
        }
      }
      assertThat(calls(test.files)).as("240 blocks").isZero();
      for (int block = 16; block < 32; block++) {
        for (Volume volume : volumes) {
          TestStore.write(volume, block, block);
        }
      }
      await().until(() -> test.files.count(Call.WRITE) >= volumes.size());
      assertThat(test.files.count(Call.SYNC)).isZero();
    }
  }

  @Test
  void aVolumeThatIsRemovedBeforeItWasSorted_hasWrittenItsValuesOnce() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      // So that the slab is there, whose bytes count too.
      TestStore.write(volume, 0, 0);
      test.files.resetCounts();
      // Twice what an ephemeral volume's buffer holds before it becomes a run.
      int batches = 2 * TestStore.BUFFER_BLOCKS / BATCH;
      for (int i = 0; i < batches; i++) {
        writeBatch(volume, i * BATCH);
        volume.flush();
      }
      test.store.removeVolume("v");
      assertThat(test.files.bytesWritten()).isLessThan(2200L * batches * BATCH);
      assertThat(test.chunkFiles()).isEmpty();
      assertThat(test.files.list(test.directory.resolve("journal"))).hasSizeLessThanOrEqualTo(1);
    }
  }

  @Test
  void twoHundredVolumesThatFlushAtOnce_shareTwoSyncs() throws Exception {
    int count = 200;
    CountDownLatch hold = new CountDownLatch(1);
    AtomicInteger appended = new AtomicInteger();
    try (TestStore test = new TestStore(directory);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Volume> volumes = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        volumes.add(test.volume("v" + i, Durability.FLUSH));
      }
      TestStore.write(volumes.getFirst(), 0, 0);
      volumes.getFirst().flush();
      // Few, so that nothing is logged before.
      for (Volume volume : volumes) {
        TestStore.write(volume, 1, 1);
      }
      test.files.resetCounts();
      test.files.fault(
          (call, path) -> {
            if (call == Call.WRITE && appended.incrementAndGet() == count) {
              hold.countDown();
            } else if (call == Call.SYNC) {
              FaultyFiles.await(hold);
            }
          });
      List<Future<?>> flushes = new ArrayList<>();
      for (Volume volume : volumes) {
        flushes.add(
            threads.submit(
                () -> {
                  volume.flush();
                  return volume;
                }));
      }
      for (Future<?> flush : flushes) {
        flush.get();
      }
      // The first to come, one for all who came meanwhile, and one if the last came in between.
      assertThat(test.files.count(Call.SYNC)).isLessThanOrEqualTo(3);
      assertThat(test.files.count(Call.WRITE)).isEqualTo(count);
      assertThat(test.files.count(Call.SYNC_DIRECTORY)).isZero();
    } finally {
      hold.countDown();
    }
  }
}
