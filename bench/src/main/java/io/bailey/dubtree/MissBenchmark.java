package io.bailey.dubtree;

import io.bailey.bench.BenchBlocks;
import io.bailey.chunk.BlockCache;
import io.bailey.crypto.Epoch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A read of one block that the page cache has and the block cache doesn't: of those that were
 * written at random to a disk of 2 GiB, whose tables no second-level cache of a processor holds.
 * Eight runs, the oldest with three quarters of the disk, the others with a thirty-second each.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class MissBenchmark {
  private static final int DISK_BLOCKS = 1 << 19;
  private static final int RUNS = 8;
  private static final int OPEN_FILES = 4096;
  private static final long NODE_CACHE_BYTES = 256L << 20;

  /** Too few to matter. */
  private static final long BLOCK_CACHE_BYTES = 1L << 20;

  private static final long PRESENCE_BYTES = 256L << 20;

  private final SplittableRandom random = new SplittableRandom(1);
  private final byte[] block = new byte[BenchBlocks.BLOCK_BYTES];
  private final MemorySegment read = MemorySegment.ofArray(new byte[BenchBlocks.BLOCK_BYTES]);
  private final BitSet written = new BitSet(DISK_BLOCKS);
  private final RunStack.Counters counters = new RunStack.Counters();
  private final BenchRuns bench;
  private final RunStack runs;

  public MissBenchmark() {
    try {
      BlockCache cache = new BlockCache(BLOCK_CACHE_BYTES, NODE_CACHE_BYTES);
      bench = new BenchRuns(OPEN_FILES, cache, PRESENCE_BYTES);
      List<Run> newestFirst = new ArrayList<>();
      for (int i = 1; i < RUNS; i++) {
        newestFirst.add(build(Dubtree.NEWEST_LEVEL, 1.0 / 32));
      }
      newestFirst.add(build(1, 0.75));
      runs = RunStack.owning(bench.catalog, newestFirst);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private Run build(int level, double share) throws IOException {
    Epoch epoch = Epoch.begin(bench.key);
    byte[] half = new byte[block.length / 2];
    random.nextBytes(half);
    System.arraycopy(half, 0, block, 0, half.length);
    try (RunWriter writer = new RunWriter(bench.catalog, epoch, level, DISK_BLOCKS, Set.of())) {
      for (int i = 0; i < DISK_BLOCKS; i++) {
        if (random.nextDouble() < share) {
          writer.addPlain(i, block, 0);
          written.set(i);
        }
      }
      return writer.finish().run();
    }
  }

  /** Brings the nodes into the cache, and opens the files. */
  @Setup(Level.Trial)
  public void readAll() throws IOException {
    for (int i = written.nextSetBit(0); i >= 0; i = written.nextSetBit(i + 1)) {
      runs.read(i, 1, read, 0, false, counters);
    }
  }

  @TearDown(Level.Trial)
  public void delete() throws IOException {
    runs.release();
    bench.close();
  }

  /** Finding its value in the runs, reading, decrypting and decompressing it. */
  @Benchmark
  public void read() throws IOException {
    int at = random.nextInt(DISK_BLOCKS);
    while (!written.get(at)) {
      at = random.nextInt(DISK_BLOCKS);
    }
    if (!runs.read(at, 1, read, 0, true, counters)) {
      throw new IllegalStateException("block " + at + " isn't in the page cache");
    }
  }
}
