package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Writes of part of a block, whose rest has to be read first. */
@Timeout(60)
final class PartialWriteTest {
  private static final int BLOCK = 4096;
  private static final int HALF = BLOCK / 2;

  @TempDir Path directory;

  @Test
  void aBlockThatMovesOnWhileItsRestIsRead_keepsTheNewerRest() throws Exception {
    try (TestStore test = new TestStore(directory);
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      TestStore.write(test.volume("v", Durability.FLUSH), 0, 1);
      // Then its bytes are in a file; a first read brings the tree into the cache, not the value.
      test.reopen();
      Volume volume = test.store.volume("v").orElseThrow();
      TestStore.compare(volume, 1, 1, "before");
      CountDownLatch begun = new CountDownLatch(1);
      CountDownLatch hold = new CountDownLatch(1);
      test.files.fault(
          (call, path) -> {
            if (call == Call.READ && TestStore.CHUNKS.test(path)) {
              begun.countDown();
              FaultyFiles.await(hold);
            }
          });
      byte[] part = Arrays.copyOf(TestStore.content(3), HALF);
      Future<?> written =
          threads.submit(
              () -> {
                volume.write(HALF, part, 0, HALF);
                return null;
              });
      FaultyFiles.await(begun);
      TestStore.write(volume, 0, 2);
      volume.checkpoint();
      hold.countDown();
      written.get();
      byte[] expected = TestStore.content(2);
      System.arraycopy(part, 0, expected, HALF, HALF);
      byte[] actual = new byte[BLOCK];
      volume.read(0, actual, 0, BLOCK);
      assertThat(actual).isEqualTo(expected);
    }
  }
}
