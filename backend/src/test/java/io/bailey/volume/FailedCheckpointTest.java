package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log whose sorting fails while the volume is written to. */
final class FailedCheckpointTest {
  @TempDir Path directory;

  /** Block 5 is in all three layers, 7 in the one between the frozen index and the buffer. */
  @Test
  void whatWasLoggedMeanwhile_isNotPassedOver() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      for (int block = 0; block < 10; block++) {
        TestStore.write(volume, block, block);
      }
      volume.flush();
      AtomicBoolean failed = new AtomicBoolean();
      test.files.fault(
          (call, path) -> {
            if (call == Call.WRITE
                && TestStore.CHUNKS.test(path)
                && failed.compareAndSet(false, true)) {
              writeMeanwhile(volume);
              throw FaultyFiles.failure(Kind.IO, call, path);
            }
          });
      assertThatThrownBy(volume::checkpoint).hasMessageContaining("made to fail");
      test.files.heal();
      volume.checkpoint();
      compare(volume, "emptied");
      try (TestStore killed = test.killed("killed", TestStore.BUDGET)) {
        compare(killed.store.volume("v").orElseThrow(), "after a kill");
      }
      test.reopen();
      compare(test.store.volume("v").orElseThrow(), "reopened");
    }
  }

  private static void writeMeanwhile(Volume volume) throws IOException {
    TestStore.write(volume, 5, 1005);
    TestStore.write(volume, 7, 1007);
    volume.flush();
    TestStore.write(volume, 5, 2005);
    TestStore.write(volume, 6, 2006);
  }

  private static void compare(Volume volume, String when) throws IOException {
    byte[] actual = new byte[4096];
    for (int block = 0; block < 10; block++) {
      volume.read(block * 4096L, actual, 0, 4096);
      long seed = block == 5 || block == 6 ? 2000 + block : block == 7 ? 1007 : block;
      assertThat(actual).as("%s: block %d", when, block).isEqualTo(TestStore.content(seed));
    }
  }
}
