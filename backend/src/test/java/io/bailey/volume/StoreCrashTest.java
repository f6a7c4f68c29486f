package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.StorageException.Kind;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the next process finds, after kill -9, a power cut, or a failing disk. */
final class StoreCrashTest {
  @TempDir Path directory;

  @Test
  void everyWriteSurvivesAKill_andEveryFlushedOneAPowerCut() throws Exception {
    try (TestStore first = new TestStore(directory)) {
      Volume durable = first.volume("durable", Durability.FLUSH);
      Volume ephemeral = first.volume("ephemeral", Durability.NONE);
      for (int i = 0; i < 300; i++) {
        TestStore.write(durable, i, i);
        TestStore.write(ephemeral, i, 1000 + i);
      }
      durable.flush();
      TestStore.write(durable, 0, 77);
      try (TestStore killed = first.killed("killed", TestStore.BUDGET)) {
        Volume again = killed.store.volume("durable").orElseThrow();
        byte[] block = new byte[4096];
        again.read(0, block, 0, 4096);
        assertThat(block).isEqualTo(TestStore.content(77));
        TestStore.write(again, 0, 0);
        TestStore.compare(again, 0, 300, "killed");
        TestStore.compare(
            killed.store.volume("ephemeral").orElseThrow(), 1000, 300, "killed, ephemeral");
      }
      try (TestStore cut = first.powerless("cut", TestStore.BUDGET)) {
        assertThat(cut.store.volumes()).extracting(Volume::name).containsExactly("durable");
        Volume again = cut.store.volume("durable").orElseThrow();
        byte[] block = new byte[4096];
        again.read(0, block, 0, 4096);
        assertThat(block).isIn(TestStore.content(0), TestStore.content(77));
        TestStore.write(again, 0, 0);
        TestStore.compare(again, 0, 300, "cut");
      }
    }
  }

  /**
   * The journal's first record after a root straddles it, and recovery fills more than one buffer:
   * the roots that it writes on the way must not make later records look as if they were in them.
   */
  @Test
  void flushedWritesSurviveAPowerCut_whileBuffersAreBeingEmptied() throws Exception {
    int blocks = TestStore.BUFFER_BLOCKS;
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch holdNext = new CountDownLatch(1);
    CountDownLatch syncing = new CountDownLatch(1);
    CountDownLatch rooted = new CountDownLatch(1);
    try (TestStore first = new TestStore(directory)) {
      Volume volume = first.volume("v", Durability.FLUSH);
      for (int i = 0; i < blocks; i++) {
        TestStore.write(volume, i, i);
        if (i == 100) {
          // So that the buffer ends with writes that no record has yet.
          volume.flush();
        }
      }
      first.files.fault(
          (call, path) -> {
            if (call == Call.RENAME && path.endsWith("volumes/v")) {
              rooted.countDown();
            } else if (call == Call.CREATE && TestStore.CHUNKS.test(path)) {
              syncing.countDown();
              FaultyFiles.await(rooted.getCount() > 0 ? hold : holdNext);
            }
          });
      try {
        TestStore.write(volume, blocks, blocks);
        FaultyFiles.await(syncing);
        volume.flush();
        hold.countDown();
        FaultyFiles.await(rooted);
        // From here on nothing leaves the buffers.
        for (int i = blocks + 1; i < 3 * blocks - 10; i++) {
          TestStore.write(volume, i, i);
          if (i % 50 == 0) {
            volume.flush();
          }
        }
        volume.flush();
        try (TestStore cut = first.powerless("cut", TestStore.BUDGET)) {
          Volume again = cut.store.volume("v").orElseThrow();
          TestStore.compare(again, 0, 3 * blocks - 10, "after the cut");
        }
      } finally {
        hold.countDown();
        holdNext.countDown();
      }
    }
  }

  @Test
  void aSmallerBudgetAtRecovery_losesNothing() throws Exception {
    try (TestStore first = new TestStore(directory)) {
      for (int v = 0; v < 5; v++) {
        Volume volume = first.volume("v" + v, Durability.FLUSH);
        for (int i = 0; i < 512; i++) {
          TestStore.write(volume, i, 1000L * v + i);
        }
        volume.flush();
      }
      long small = 33L << 20;
      try (TestStore killed = first.killed("killed", small);
          TestStore cut = first.powerless("cut", small)) {
        for (int v = 0; v < 5; v++) {
          Volume killedVolume = killed.store.volume("v" + v).orElseThrow();
          TestStore.compare(killedVolume, 1000L * v, 512, "killed v" + v);
          Volume cutVolume = cut.store.volume("v" + v).orElseThrow();
          TestStore.compare(cutVolume, 1000L * v, 512, "cut v" + v);
        }
      }
    }
  }

  @Test
  void aRootThatIsInPlace_keepsItsChunks_thoughItsDirectoryCouldNotBeSynced() throws Exception {
    try (TestStore first = new TestStore(directory)) {
      Volume volume = first.volume("v", Durability.FLUSH);
      for (int i = 0; i < 200; i++) {
        TestStore.write(volume, i, i);
      }
      volume.flush();
      first.files.failAll(Kind.IO, p -> p.endsWith("volumes"), Call.SYNC_DIRECTORY);
      assertThatThrownBy(volume::checkpoint).hasMessageContaining("made to fail");
      TestStore.compare(volume, 0, 200, "in the same process");
      assertThatThrownBy(() -> TestStore.write(volume, 0, 1)).hasMessageContaining("no writes");
      try (TestStore killed = first.killed("killed", TestStore.BUDGET);
          TestStore cut = first.powerless("cut", TestStore.BUDGET)) {
        TestStore.compare(killed.store.volume("v").orElseThrow(), 0, 200, "killed");
        TestStore.compare(cut.store.volume("v").orElseThrow(), 0, 200, "cut");
      }
    }
  }

  @Test
  void aFailedFlush_turnsTheVolumeReadOnly_andReadsGoOn() throws Exception {
    try (TestStore first = new TestStore(directory)) {
      Volume volume = first.volume("v", Durability.FLUSH);
      TestStore.write(volume, 0, 0);
      first.files.failNth(1, Kind.IO, p -> p.toString().contains("/journal"), Call.SYNC);
      assertThatThrownBy(volume::flush).hasMessageContaining("made to fail");
      assertThatThrownBy(volume::flush).isInstanceOf(java.io.IOException.class);
      assertThatThrownBy(() -> TestStore.write(volume, 1, 1))
          .hasMessageContaining("volume v takes no writes");
      TestStore.compare(volume, 0, 1, "reads");
    }
  }
}
