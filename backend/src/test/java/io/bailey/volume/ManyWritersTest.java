package io.bailey.volume;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** More writers than the host has buffers for. */
final class ManyWritersTest {
  private static final int VOLUMES = 8;
  private static final int WRITERS = 32;
  private static final int WRITES = 400;

  @TempDir Path directory;

  /**
   * On virtual threads, as requests are that wait. Two minutes are for a hang: it takes seconds.
   */
  @Test
  void writersThatWaitForRoom_allGetIt() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
      List<Volume> volumes = new ArrayList<>();
      List<Future<?>> done = new ArrayList<>();
      for (int v = 0; v < VOLUMES; v++) {
        Volume volume = test.volume("v" + v, Durability.NONE);
        volumes.add(volume);
        for (int w = 0; w < WRITERS; w++) {
          long first = (long) w * WRITES;
          long base = 100_000L * v;
          done.add(
              threads.submit(
                  () -> {
                    for (long block = first; block < first + WRITES; block++) {
                      TestStore.write(volume, block, base + block);
                    }
                    return null;
                  }));
        }
      }
      threads.shutdown();
      for (Future<?> each : done) {
        each.get(120, TimeUnit.SECONDS);
      }
      for (int v = 0; v < VOLUMES; v++) {
        TestStore.compare(volumes.get(v), 100_000L * v, WRITERS * WRITES, "v" + v);
      }
    }
  }
}
