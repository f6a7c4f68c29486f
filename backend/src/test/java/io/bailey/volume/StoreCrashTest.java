package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.QuietLog;
import io.bailey.io.SimulatedHost;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
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

  /** Flushes go on while the log is being sorted, and what the root then covers is in it. */
  @Test
  void flushedWritesSurviveAPowerCut_whileTheLogIsBeingSorted() throws Exception {
    int blocks = 1024;
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch sorting = new CountDownLatch(1);
    try (TestStore first = new TestStore(directory)) {
      Volume volume = first.volume("v", Durability.FLUSH);
      for (int i = 0; i < blocks; i++) {
        TestStore.write(volume, i, i);
      }
      first.files.fault(
          (call, path) -> {
            if (call == Call.CREATE && TestStore.CHUNKS.test(path)) {
              sorting.countDown();
              FaultyFiles.await(hold);
            }
          });
      volume.upkeep().requestCheckpoint();
      FaultyFiles.await(sorting);
      for (int i = blocks / 2; i < 2 * blocks; i++) {
        TestStore.write(volume, i, i);
      }
      volume.flush();
      TestStore.compare(volume, 0, 2 * blocks, "while sorting");
      try (TestStore cut = first.powerless("cut", TestStore.BUDGET);
          TestStore killed = first.killed("killed", TestStore.BUDGET)) {
        TestStore.compare(cut.store.volume("v").orElseThrow(), 0, 2 * blocks, "cut");
        TestStore.compare(killed.store.volume("v").orElseThrow(), 0, 2 * blocks, "killed");
      }
      hold.countDown();
      Awaitility.await().until(() -> !volume.stats().levelBytes().isEmpty());
      for (int i = 2 * blocks; i < 3 * blocks; i++) {
        TestStore.write(volume, i, i);
      }
      volume.flush();
      TestStore.compare(volume, 0, 3 * blocks, "sorted");
      try (TestStore cut = first.powerless("cut2", TestStore.BUDGET)) {
        TestStore.compare(cut.store.volume("v").orElseThrow(), 0, 3 * blocks, "cut later");
      }
    } finally {
      hold.countDown();
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

  @Test
  void aStoreWhoseDiskIsGone_leavesNoFileOpenWhenItIsClosed() throws Exception {
    try (TestStore first = new TestStore(directory)) {
      Volume volume = first.volume("v", Durability.FLUSH);
      for (int i = 0; i < 3; i++) {
        TestStore.write(volume, i, i);
        volume.checkpoint();
      }
      first.files.failAll(Kind.IO, path -> true, Call.values());
      assertThatThrownBy(first.store::close).hasMessageContaining("made to fail");
      assertThat(first.files.openFiles()).isZero();
      first.files.heal();
      first.store = first.opened();
      TestStore.compare(first.store.volume("v").orElseThrow(), 0, 3, "opened again");
    }
  }

  @Test
  void aStartThatFailsAtAnyCall_leavesNoFileOpen() throws Exception {
    try (SimulatedHost host = new SimulatedHost();
        QuietLog _ = new QuietLog()) {
      Store first = Workload.open(host);
      ImageName image = ImageName.parse("i:1");
      VolumeSpec empty = new VolumeSpec(Optional.empty(), 64 << 20, Durability.FLUSH);
      Volume volume = first.createVolume("v", empty);
      TestStore.write(volume, 0, 0);
      first.commit("v", image);
      TestStore.write(volume, 1, 1);
      volume.flush();
      SimulatedHost.State state = host.state();
      first.close();
      int calls = 0;
      boolean failed = true;
      while (failed) {
        host.becomeKilled(state);
        failed = failsToOpen(host, ++calls);
        assertThat(host.files().openFiles()).as("call %d", calls).isZero();
      }
      assertThat(calls).isGreaterThan(30);
    }
  }

  /** Whether a start fails at a call, or went on in spite of it; false if there is no such call. */
  private static boolean failsToOpen(SimulatedHost host, int call) throws IOException {
    AtomicInteger calls = new AtomicInteger();
    host.files().failNth(call, Kind.IO, path -> calls.incrementAndGet() > 0, Call.values());
    try {
      Workload.open(host).close();
    } catch (StorageException e) {
      // What is left open is asked for next.
    } finally {
      host.files().heal();
    }
    return calls.get() >= call;
  }
}
