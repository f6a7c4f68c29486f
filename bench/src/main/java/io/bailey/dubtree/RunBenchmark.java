package io.bailey.dubtree;

import io.bailey.bench.BenchBlocks;
import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkKind;
import io.bailey.chunk.ChunkOutput;
import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What runs cost: building one, or its tree alone, merging two, finding a block in one, and a read
 * that the cache answers. Times are of one block. A run has every eighth block of its part of a
 * disk.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class RunBenchmark {
  private static final int BLOCKS = 20_000;
  private static final int SPREAD = 8;
  private static final long DISK_BLOCKS = 1L << 22;
  private static final long CACHE_BYTES = 256L << 20;
  private static final int READS = 1000;

  /** What a block of the benchmark's takes when it is compressed. */
  private static final int VALUE_BYTES = 538;

  private final SplittableRandom random = new SplittableRandom(1);
  private final byte[] tag = new byte[Aead.TAG_BYTES];
  private final byte[] block = BenchBlocks.block(1, 1);
  private final MemorySegment read = MemorySegment.ofArray(new byte[BenchBlocks.BLOCK_BYTES]);
  private final RunStack.Counters counters = new RunStack.Counters();
  private final BenchRuns bench;
  private final RunCatalog catalog;
  private final Epoch epoch;
  private final RunStack older;
  private final RunStack newer;

  public RunBenchmark() {
    try {
      bench = new BenchRuns(64, new BlockCache(CACHE_BYTES, CACHE_BYTES), CACHE_BYTES);
      catalog = bench.catalog;
      epoch = Epoch.begin(bench.key);
      older = RunStack.owning(catalog, List.of(build(0, 1)));
      newer = RunStack.owning(catalog, List.of(build(SPREAD / 2, Dubtree.NEWEST_LEVEL)));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private Run build(int from, int level) throws IOException {
    try (RunWriter writer = new RunWriter(catalog, epoch, level, DISK_BLOCKS, Set.of())) {
      for (int i = 0; i < BLOCKS; i++) {
        writer.addPlain(from + (long) SPREAD * i, block, 0);
      }
      return writer.finish().run();
    }
  }

  @Setup(Level.Trial)
  public void fillCache() throws IOException {
    for (int i = 0; i < READS; i++) {
      older.read((long) SPREAD * i, 1, read, 0, false, counters);
    }
  }

  @TearDown(Level.Trial)
  public void delete() throws IOException {
    older.release();
    newer.release();
    bench.close();
  }

  /** Compressing, sealing and writing values included. */
  @Benchmark
  @OperationsPerInvocation(BLOCKS)
  public void buildRun() throws IOException {
    RunStack.owning(catalog, List.of(build(0, 1))).release();
  }

  /** The tree alone, over values that lie where they are; its file is written and given up. */
  @Benchmark
  @OperationsPerInvocation(BLOCKS)
  public void buildTree() throws IOException {
    Codec codec = Codec.borrow();
    try (ChunkOutput out = bench.chunks.newOutput(ChunkKind.TREE)) {
      TreeWriter tree = new TreeWriter(out, epoch, codec);
      for (int i = 0; i < BLOCKS; i++) {
        long place = (long) VALUE_BYTES * i;
        tree.addValue((long) SPREAD * i, VALUE_BYTES, 0, place, 0, epoch.nextCounter(), tag, 0);
      }
      tree.finish();
    } finally {
      codec.giveBack();
    }
  }

  /** Two runs whose values are copied into one. */
  @Benchmark
  @OperationsPerInvocation(2 * BLOCKS)
  public void mergeCopying() throws IOException {
    merge(2);
  }

  /** Two runs, of which the older's values stay where they are. */
  @Benchmark
  @OperationsPerInvocation(2 * BLOCKS)
  public void mergeStaying() throws IOException {
    merge(1);
  }

  private void merge(int level) throws IOException {
    List<Run> runs = List.of(newer.runs().getFirst(), older.runs().getFirst());
    MergePolicy.Merge merge = new MergePolicy.Merge(runs.size(), level, false);
    Run merged = Merger.merge(catalog, runs, merge, true, epoch, DISK_BLOCKS, () -> false).run();
    RunStack.owning(catalog, List.of(merged)).release();
  }

  /** Finding a block's leaf; every node is in the cache. */
  @Benchmark
  public Run.Content.@Nullable Position lookUp() throws IOException {
    return older.runs().getFirst().content().seek(random.nextInt(SPREAD * BLOCKS), false);
  }

  /** A whole read of one block that is in the cache in the clear. */
  @Benchmark
  public boolean cacheHit() throws IOException {
    long at = (long) SPREAD * random.nextInt(READS);
    return older.read(at, 1, read, 0, true, counters);
  }
}
