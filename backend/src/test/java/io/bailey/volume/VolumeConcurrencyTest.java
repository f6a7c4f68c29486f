package io.bailey.volume;

import io.bailey.io.SimulatedHost;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Requests to the same blocks of a volume whose buffer is emptied at the same time. */
public class VolumeConcurrencyTest {
  private static final int BLOCK = 4096;
  private static final AtomicInteger NAMES = new AtomicInteger();

  private static @Nullable Store store;
  private static final AtomicReference<String> LAST = new AtomicReference<>("");

  /** What a volume does, one request after the other. */
  public static final class Plain {
    private final int[] halves = new int[4];

    public void write(int block, int value) {
      halves[2 * block] = value;
      halves[2 * block + 1] = value;
    }

    public void writeHalf(int block, int value) {
      halves[2 * block + 1] = value;
    }

    public void trim(int block) {
      write(block, 0);
    }

    public void checkpoint() {}

    public int read(int block) {
      return 10 * halves[2 * block] + halves[2 * block + 1];
    }
  }

  /** What Lincheck makes one of for each try. */
  @Param(name = "block", gen = IntGen.class, conf = "0:1")
  @Param(name = "value", gen = IntGen.class, conf = "1:3")
  public static class Requests {
    private final Volume volume;

    public Requests() throws IOException {
      Store open = store;
      if (open == null) {
        throw new IllegalStateException("no store");
      }
      String name = "v" + NAMES.incrementAndGet();
      String before = LAST.getAndSet(name);
      if (!before.isEmpty()) {
        open.removeVolume(before);
      }
      volume =
          open.createVolume(name, new VolumeSpec(Optional.empty(), 2 * BLOCK, Durability.NONE));
    }

    private static byte[] bytes(int length, int value) {
      byte[] bytes = new byte[length];
      Arrays.fill(bytes, (byte) value);
      return bytes;
    }

    @Operation
    public void write(@Param(name = "block") int block, @Param(name = "value") int value)
        throws IOException {
      volume.write((long) block * BLOCK, bytes(BLOCK, value), 0, BLOCK);
    }

    @Operation
    public void writeHalf(@Param(name = "block") int block, @Param(name = "value") int value)
        throws IOException {
      volume.write((long) block * BLOCK + BLOCK / 2, bytes(BLOCK / 2, value), 0, BLOCK / 2);
    }

    @Operation
    public void trim(@Param(name = "block") int block) throws IOException {
      volume.trim((long) block * BLOCK, BLOCK);
    }

    @Operation
    public void checkpoint() throws IOException {
      volume.checkpoint();
    }

    /** Both halves' values; each must be of one write. */
    @Operation
    public int read(@Param(name = "block") int block) throws IOException {
      byte[] bytes = new byte[BLOCK];
      volume.read((long) block * BLOCK, bytes, 0, BLOCK);
      for (int i = 0; i < BLOCK; i++) {
        if (bytes[i] != bytes[i / (BLOCK / 2) * (BLOCK / 2)]) {
          return -1;
        }
      }
      return 10 * bytes[0] + bytes[BLOCK - 1];
    }
  }

  @Test
  void requestsAreDone_asIfOneByOne() throws Exception {
    try (SimulatedHost host = new SimulatedHost();
        Store open = Workload.open(host)) {
      store = open;
      LAST.set("");
      new StressOptions()
          .iterations(8)
          .invocationsPerIteration(60)
          .threads(2)
          .actorsPerThread(3)
          .sequentialSpecification(Plain.class)
          .check(Requests.class);
    } finally {
      store = null;
    }
  }
}
