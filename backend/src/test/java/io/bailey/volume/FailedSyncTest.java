package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.QuietLog;
import io.bailey.io.SimulatedDisk;
import io.bailey.io.SimulatedHost;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** A disk that fails one sync and, as Linux does, forgets what it was to write. */
final class FailedSyncTest {
  private static final VolumeSpec SPEC =
      new VolumeSpec(Optional.empty(), 1 << 20, Durability.FLUSH);

  private static Volume volume(Store store, String name) {
    return store.volume(name).orElseThrow();
  }

  @Test
  void noFlushSucceedsOnWhatAFailedSyncCovered_untilTheVolumeIsReopened() throws Exception {
    try (QuietLog _ = new QuietLog();
        SimulatedHost host = new SimulatedHost()) {
      Store store = Workload.open(host);
      store.createVolume("v", SPEC);
      store.createVolume("w", SPEC);
      TestStore.write(volume(store, "v"), 0, 0);
      TestStore.write(volume(store, "w"), 0, 0);
      AtomicBoolean failed = new AtomicBoolean();
      host.files()
          .fault(
              (call, path) -> {
                if (call == Call.SYNC && failed.compareAndSet(false, true)) {
                  host.loseUnsynced(path);
                  throw FaultyFiles.failure(Kind.IO, call, path);
                }
              });
      Volume failing = volume(store, "v");
      assertThatThrownBy(failing::flush).hasMessageContaining("made to fail");
      for (int i = 0; i < 20; i++) {
        assertThatThrownBy(failing::flush).isInstanceOf(StorageException.class);
        assertThatThrownBy(() -> TestStore.write(failing, 1, 1))
            .hasMessageContaining("volume v takes no writes");
      }
      TestStore.compare(failing, 0, 1, "reads go on");
      boolean otherFlushed = flushes(volume(store, "w"));
      SimulatedHost.State state = host.state();
      CrashCheck.abandon(host, store);

      host.becomePowerless(state.disk().cutLosingAll());
      store = Workload.open(host);
      if (otherFlushed) {
        TestStore.compare(volume(store, "w"), 0, 1, "the other volume's flush");
      }
      CrashCheck.abandon(host, store);

      host.becomeKilled(state);
      store = Workload.open(host);
      volume(store, "v").flush();
      host.becomePowerless(cutWhileOpen(host, store));
      store = Workload.open(host);
      TestStore.compare(volume(store, "v"), 0, 1, "flushed after the reopening");
      CrashCheck.abandon(host, store);
    }
  }

  private static SimulatedDisk cutWhileOpen(SimulatedHost host, Store store) throws IOException {
    SimulatedHost.State state = host.state();
    CrashCheck.abandon(host, store);
    return state.disk().cutLosingAll();
  }

  private static boolean flushes(Volume volume) throws IOException {
    try {
      volume.flush();
      return true;
    } catch (StorageException e) {
      return false;
    }
  }
}
