package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How long the journal gets, whatever keeps volumes from being sorted. */
@Timeout(120)
final class LogLimitTest {
  private static final long LOG_BYTES = 4 << 20;
  private static final int BLOCKS = 6000;
  private static final int BATCH = 64;

  @TempDir Path directory;

  private static Volume create(Store store, String name) throws IOException {
    return store.createVolume(
        name, new VolumeSpec(Optional.empty(), BLOCKS * 4096L, Durability.FLUSH));
  }

  private long logBytes() {
    return logBytes(directory.resolve("store"));
  }

  private static long logBytes(Path store) {
    try (Stream<Path> all = Files.list(store.resolve("journal"))) {
      return all.filter(path -> path.toString().endsWith(".log"))
          .mapToLong(path -> path.toFile().length())
          .sum();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whileNothingCanBeSorted_writersWaitAtTheLimit_andGoOnThen() throws Exception {
    FaultyFiles files = new FaultyFiles();
    files.usableBytes(4 * LOG_BYTES);
    CountDownLatch hold = new CountDownLatch(1);
    AtomicReference<Throwable> failed = new AtomicReference<>();
    StoreOptions options =
        new StoreOptions(directory.resolve("store"), directory.resolve("memory"), TestStore.BUDGET);
    try (Store store = Store.open(options, files)) {
      Volume slow = create(store, "slow");
      Volume busy = create(store, "busy");
      TestStore.write(slow, 0, 1);
      slow.flush();
      files.delay(hold, TestStore.CHUNKS, Call.CREATE);
      Thread writer =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      for (int block = 0; block < BLOCKS; block++) {
                        TestStore.write(busy, block, block);
                        if (block % BATCH == BATCH - 1) {
                          busy.flush();
                        }
                      }
                    } catch (IOException | RuntimeException e) {
                      failed.set(e);
                    }
                  });
      await()
          .until(
              () ->
                  !writer.isAlive()
                      || (logBytes() > LOG_BYTES
                          && writer.getState() == Thread.State.TIMED_WAITING));
      assertThat(writer.isAlive()).as("waits").isTrue();
      assertThat(logBytes()).isLessThan(LOG_BYTES * 3 / 2);
      // Another that has nothing in the log waits as well, and reads don't.
      TestStore.compare(busy, 0, BATCH, "busy");
      hold.countDown();
      writer.join();
      assertThat(failed.get()).isNull();
      TestStore.compare(busy, 0, BLOCKS, "busy");
      TestStore.compare(slow, 1, 1, "slow");
      await().until(() -> logBytes() <= LOG_BYTES * 3 / 2);
    } finally {
      hold.countDown();
    }
  }

  /** It has the log's first record, and may need all that its root doesn't tell of. */
  @Test
  void aVolumeThatIsLeftOut_doesNotKeepAllThatOthersWrite() throws Exception {
    FaultyFiles files = new FaultyFiles();
    files.usableBytes(4 * LOG_BYTES);
    StoreOptions options =
        new StoreOptions(directory.resolve("store"), directory.resolve("memory"), TestStore.BUDGET);
    Path copy = directory.resolve("copy");
    try (Store store = Store.open(options, files)) {
      Volume broken = create(store, "broken");
      TestStore.write(broken, 0, 1);
      broken.flush();
      create(store, "busy");
      store.writeAnchor();
      TestStore.copy(directory.resolve("store"), copy);
    }
    Path root = copy.resolve("volumes/broken");
    byte[] whole = Files.readAllBytes(root);
    Files.write(root, new byte[whole.length]);
    StoreOptions copied = new StoreOptions(copy, directory.resolve("memory2"), TestStore.BUDGET);
    try (Store store = Store.open(copied, files)) {
      assertThat(store.leftOut("broken")).isPresent();
      Volume busy = store.volume("busy").orElseThrow();
      for (int round = 0; round < 2; round++) {
        for (int block = 0; block < BLOCKS; block++) {
          TestStore.write(busy, block, block + round);
          if (block % BATCH == BATCH - 1) {
            busy.flush();
          }
        }
      }
      assertThat(logBytes(copy)).isLessThan(LOG_BYTES * 3 / 2);
      TestStore.compare(busy, 1, BLOCKS, "busy");
    }
    Files.write(root, whole);
    try (Store store = Store.open(copied, files)) {
      TestStore.compare(store.volume("broken").orElseThrow(), 1, 1, "broken");
      TestStore.compare(store.volume("busy").orElseThrow(), 1, BLOCKS, "busy");
    }
  }

  /** So that a start, which reads what all records say, doesn't take longer and longer. */
  @Test
  void aVolumeWrittenAgainAndAgain_isSortedBeforeTheLogIsLong() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      long startBytes = TestStore.BUDGET / 64;
      int blocks = 64;
      // Each with 160 bytes of header, and an index of over 20 a block.
      long enough = 3 * startBytes / (160 + 20 * blocks);
      for (int round = 0; round < enough; round++) {
        for (int block = 0; block < blocks; block++) {
          TestStore.write(volume, block, round + block);
        }
        volume.flush();
      }
      assertThat(volume.stats().levelBytes()).isNotEmpty();
      TestStore.compare(volume, enough - 1, blocks, "sorted");
    }
  }
}
