package io.bailey.journal;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.SimulatedDisk;
import io.bailey.io.Spin;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.junit.jupiter.api.Test;

/** Volumes that append and wait for one sync together, which may fail. */
public final class JournalConcurrencyTest {
  private static final Path DIRECTORY = Path.of("/journal");
  private static final Journal.Limits LIMITS = new Journal.Limits(1 << 20, 1 << 20);
  private static final Epoch EPOCH = Epoch.begin(DataKey.random());

  private final SimulatedDisk disk = new SimulatedDisk(Path.of("/"));
  private final FaultyFiles files = new FaultyFiles(disk);
  private final Journal journal;
  private volatile boolean failing;
  private final AtomicLong serials = new AtomicLong();
  private int volumes;

  public JournalConcurrencyTest() throws IOException {
    files.fault(
        (call, path) -> {
          // So that others come between.
          Spin.shortly();
          if (failing && call == Call.SYNC) {
            throw FaultyFiles.failure(Kind.IO, call, path);
          }
        });
    // As long as an append takes, which must not count as synced then.
    files.afterSync(
        () -> {
          for (int i = 0; i < 20; i++) {
            Spin.shortly();
          }
        });
    journal = new Journal(files, DIRECTORY, serials::incrementAndGet, LIMITS);
    journal.recover(new Found());
  }

  /** The volumes that a recovery finds. */
  private static final class Found implements Journal.Recovery {
    final Set<Long> volumes = new HashSet<>();

    @Override
    public boolean batch(Batch batch) {
      volumes.add(batch.volume());
      return true;
    }

    @Override
    public void missing(Journal.Missing missing) {}
  }

  private synchronized int nextVolume() {
    return ++volumes;
  }

  /** Whether a volume's write survives power loss, as the journal says and the disk knows. */
  @Operation
  public String flush() throws IOException {
    int volume = nextVolume();
    BatchWriter batch = new BatchWriter(volume, EPOCH, 0, 1);
    batch.addZeros(volume, 1);
    try {
      Journal.Appended appended = journal.append(batch);
      journal.sync(appended.position());
      return survives(volume) ? "durable" : "LOST";
    } catch (StorageException e) {
      return "failed";
    }
  }

  private boolean survives(long volume) throws IOException {
    Found found = new Found();
    Journal next = new Journal(disk.cutLosingAll(), DIRECTORY, serials::incrementAndGet, LIMITS);
    next.recover(found);
    next.close();
    return found.volumes.contains(volume);
  }

  @Operation
  public void breakDisk() {
    failing = true;
  }

  @Test
  void aFlushThatSucceeded_wasSynced_andNoneSucceedsAfterAFailure() {
    new StressOptions()
        .iterations(8)
        .invocationsPerIteration(200)
        .threads(2)
        .actorsPerThread(3)
        .check(JournalConcurrencyTest.class);
  }
}
