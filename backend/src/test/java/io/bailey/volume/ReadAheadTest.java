package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.FaultyFiles.Call;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReadAheadTest {
  private static final int READ = 64 << 10;

  @Test
  void aReaderFromFrontToBack_hasEverythingBroughtIn_onceAndBeforeItAsks() {
    ReadAhead ahead = new ReadAhead();
    long start = 5L << 30;
    long brought = 0;
    int prefetches = 0;
    for (long at = start; at < start + (64 << 20); at += READ) {
      if (at >= start + (1 << 20)) {
        assertThat(brought).as("at %d", at - start).isGreaterThanOrEqualTo(at + READ);
      }
      ReadAhead.Range range = ahead.read(at, READ);
      if (!range.isEmpty()) {
        assertThat(brought == 0 || range.offset() == brought).isTrue();
        assertThat(range.offset()).isGreaterThanOrEqualTo(at + READ);
        brought = range.offset() + range.length();
        prefetches++;
      }
      assertThat(brought - at).isLessThanOrEqualTo((2 << 20) + READ);
    }
    assertThat(prefetches).isLessThan(80);
  }

  /** What it reads lies in the cache before it asks, brought in by fewer and larger reads. */
  @Test
  void aVolumeReadFromFrontToBack_isReadAheadOfItsReader(@TempDir Path directory) throws Exception {
    int blocks = 4096;
    try (TestStore test = new TestStore(directory)) {
      ImageName image = ImageName.parse("golden:1");
      test.store.importImage(image, new RandomDisk(0, blocks), Progress.NONE);
      test.reopen();
      test.store.awaitCollection();
      Volume volume = test.fork("v", "golden:1");
      test.files.resetCounts();
      byte[] bytes = new byte[READ];
      MemorySegment dst = MemorySegment.ofArray(bytes);
      for (int at = 0; at < blocks * 4096; at += READ) {
        if (at < 2 * READ) {
          volume.read(at, bytes, 0, READ);
        } else {
          long offset = at;
          Awaitility.await()
              .pollDelay(Duration.ZERO)
              .pollInterval(Duration.ofMillis(1))
              .until(() -> volume.tryRead(offset, dst, 0, READ));
        }
        assertThat(Arrays.copyOf(bytes, 4096)).isEqualTo(TestStore.content(at / 4096));
      }
      assertThat(volume.stats().readsFromDisk()).isEqualTo(2 * READ / 4096);
      assertThat(test.files.count(Call.READ)).isLessThan(blocks * 4096 / READ / 2);
    }
  }

  @Test
  void aReaderThatJumps_hasNothingBroughtIn() {
    ReadAhead ahead = new ReadAhead();
    Random random = new Random(1);
    for (int i = 0; i < 10_000; i++) {
      assertThat(ahead.read(random.nextLong(1 << 20) * 8192, 4096).isEmpty()).isTrue();
    }
  }
}
