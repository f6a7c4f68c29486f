package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a volume may take on the disk. */
final class SpaceTest {
  private static final int BLOCK = 4096;
  private static final int LIVE_BLOCKS = 4000;
  private static final String KEPT = "kept:1";

  @TempDir Path directory;

  private static long chunkBytes(TestStore test) throws IOException {
    return chunkBytes(test.directory);
  }

  private static long chunkBytes(Path store) throws IOException {
    long bytes = 0;
    try (Stream<Path> files = Files.list(store.resolve("chunks"))) {
      for (Path file : files.toList()) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }

  /** Writes each so many-th block. */
  private static void write(Volume volume, int first, int step) throws IOException {
    for (int block = first; block < LIVE_BLOCKS; block += step) {
      TestStore.write(volume, block, block);
    }
  }

  /** A volume with all of {@link #LIVE_BLOCKS} in runs. */
  private static Volume filled(TestStore test) throws IOException {
    Volume volume = test.volume("v", Durability.FLUSH);
    write(volume, 0, 1);
    volume.empty();
    return volume;
  }

  /** Has an image keep what the volume is; returns what that takes. */
  private static long compactAndCommit(TestStore test, Volume volume) throws IOException {
    volume.compact();
    long bytes = chunkBytes(test);
    test.store.commit("v", ImageName.parse(KEPT));
    return bytes;
  }

  private static void until(Callable<Boolean> isSo) {
    // A file may go between being listed and being asked for its size.
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(isSo);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aBlockWrittenAgainAndAgain_makesNoGarbage(boolean compressible) throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      byte[] content = compressible ? StampWriter.stamp(1) : TestStore.content(1);
      for (int i = 0; i < 50 * TestStore.BUFFER_BLOCKS; i++) {
        volume.write(7 * BLOCK, content, 0, BLOCK);
      }
      assertThat(test.chunkFiles()).isEmpty();
    }
  }

  @Test
  void zeros_costNoValue() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      for (int i = 0; i < 1000; i++) {
        volume.write((long) i * BLOCK, new byte[BLOCK], 0, BLOCK);
      }
      volume.zero(40 << 20, 20 << 20, false);
      volume.empty();
      assertThat(volume.stats().bufferBytes()).isZero();
      assertThat(chunkBytes(test)).isLessThan(1000);
    }
  }

  @Test
  void whatWasTrimmed_isGivenBack_onceTheVolumeRests() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = filled(test);
      long full = chunkBytes(test);
      volume.trim(1000L * BLOCK, (LIVE_BLOCKS - 1000L) * BLOCK);
      volume.empty();
      volume.compact();
      assertThat(chunkBytes(test)).isLessThan(full / LIVE_BLOCKS * 1100 + (4 << 20));
      TestStore.compare(volume, 0, 1000, "not trimmed");
    }
  }

  @Test
  void overwriting_leavesATenthOfGarbageAtMost_onceTheVolumeRests() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      Random random = new Random(5);
      write(volume, 0, 1);
      long[] seeds = new long[LIVE_BLOCKS];
      for (int i = 0; i < LIVE_BLOCKS; i++) {
        seeds[i] = i;
      }
      for (int i = 0; i < 3 * LIVE_BLOCKS; i++) {
        int block = random.nextInt(LIVE_BLOCKS);
        seeds[block] = 1_000_000L + i;
        TestStore.write(volume, block, seeds[block]);
      }
      volume.empty();
      volume.compact();
      long live = (long) LIVE_BLOCKS * BLOCK;
      assertThat(chunkBytes(test)).isLessThan(live + live / 10 + (4 << 20));
      byte[] read = new byte[BLOCK];
      for (int block = 0; block < LIVE_BLOCKS; block++) {
        volume.read((long) block * BLOCK, read, 0, BLOCK);
        assertThat(read).as("block %d", block).isEqualTo(TestStore.content(seeds[block]));
      }
    }
  }

  @Test
  void whatAnImageHas_isNotCopied_untilTheImageGoes() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = filled(test);
      long whole = compactAndCommit(test, volume);
      for (int time = 0; time < 6; time++) {
        if (time == 3) {
          test.reopen();
          volume = test.store.volume("v").orElseThrow();
          test.store.awaitCollection();
        }
        write(volume, time, 10);
        volume.empty();
        volume.compact();
        long most = whole + (time + 1) * whole / 10 + whole / 20;
        assertThat(chunkBytes(test)).as("after %d tenths", time + 1).isLessThan(most);
      }
      test.store.removeImage(ImageName.parse(KEPT));
      until(() -> chunkBytes(test) < whole + whole / 8);
      TestStore.compare(volume, 0, LIVE_BLOCKS, "in the end");
    }
  }

  @Test
  void whatACheckHeldBack_isGivenBack_onceItEnds() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = filled(test);
      long whole = compactAndCommit(test, volume);
      for (int time = 0; time < 5; time++) {
        write(volume, time, 10);
        volume.empty();
      }
      // From here on the volume counts as one that nobody writes to.
      volume.upkeep().backgroundCompaction();
      AtomicBoolean removed = new AtomicBoolean();
      CheckReport report =
          test.store.check(
              new CheckOptions(List.of(), false),
              Progress.NONE,
              () -> {
                if (!removed.getAndSet(true)) {
                  removeAndLetRest(test.store);
                }
                return false;
              });
      assertThat(removed).isTrue();
      assertThat(report.whole()).isTrue();
      until(() -> chunkBytes(test) < whole + whole / 8);
    }
  }

  private static void removeAndLetRest(Store store) {
    try {
      store.removeImage(ImageName.parse(KEPT));
      // Until volumes have been asked whether they should be made compact.
      Thread.sleep(7000);
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatABusyVolumeLeft_isGivenBack_afterTheNextStart() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = filled(test);
      volume.trim(100L * BLOCK, (LIVE_BLOCKS - 100L) * BLOCK);
      test.reopen();
      assertThat(chunkBytes(test)).isGreaterThan(LIVE_BLOCKS * BLOCK);
      until(() -> chunkBytes(test) < 5 << 20);
    }
  }

  @Test
  void whereNothingIsDeleted_nothingIsCopiedToGiveSpaceBack() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume whole = filled(test);
      Volume _ = test.volume("damaged", Durability.FLUSH);
      whole.trim(100L * BLOCK, (LIVE_BLOCKS - 100L) * BLOCK);
      whole.empty();
      Path copy = test.copyAs("copy");
      Path store = copy.resolve("store");
      Files.write(store.resolve(StoreDirectory.VOLUMES).resolve("damaged"), new byte[100]);
      StoreOptions options = new StoreOptions(store, copy.resolve("memory"), TestStore.BUDGET);
      try (Store opened = Store.open(options, new FaultyFiles())) {
        assertThat(opened.leftOut()).containsOnlyKeys("damaged");
        Volume volume = opened.volume("v").orElseThrow();
        long before = chunkBytes(store);
        volume.upkeep().backgroundCompaction();
        assertThat(chunkBytes(store)).isEqualTo(before);
      }
    }
  }

  private static CompletableFuture<Boolean> compaction(Volume volume) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return volume.compact();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  @Test
  void aReaderThatIsTheLastOfOldRuns_leavesTheirFilesToAnotherThread() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = filled(test);
      volume.trim(0, (LIVE_BLOCKS - 100L) * BLOCK);
      volume.empty();
      Set<String> deleters = ConcurrentHashMap.newKeySet();
      test.files.fault(
          (call, path) -> {
            if (call == Call.DELETE && TestStore.CHUNKS.test(path)) {
              deleters.add(Thread.currentThread().getName());
            }
          });
      AtomicBoolean compacted = new AtomicBoolean();
      volume.extents(
          0,
          volume.size(),
          (length, kind) -> {
            if (!compacted.getAndSet(true)) {
              boolean _ = compaction(volume).join();
            }
            return true;
          });
      until(() -> chunkBytes(test) < 5 << 20);
      assertThat(deleters).isNotEmpty().doesNotContain(Thread.currentThread().getName());
    }
  }

  @Test
  void aDiskOf16TiB_isWrittenAtItsEnd_andOpensAgain() throws Exception {
    long size = 16L << 40;
    try (TestStore test = new TestStore(directory)) {
      Volume volume =
          test.store.createVolume("v", new VolumeSpec(Optional.empty(), size, Durability.FLUSH));
      TestStore.write(volume, size / BLOCK - 1, 3);
      volume.trim(0, size - BLOCK);
      volume.empty();
      assertThat(chunkBytes(test)).isLessThan(20_000);
      test.reopen();
      byte[] read = new byte[2 * BLOCK];
      test.store.volume("v").orElseThrow().read(size - read.length, read, 0, read.length);
      assertThat(read).startsWith(new byte[BLOCK]).endsWith(TestStore.content(3));
    }
  }
}
