package io.bailey.dubtree;

import io.bailey.bench.BenchBlocks;
import io.bailey.chunk.BlockCache;
import io.bailey.crypto.Epoch;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What it costs to check a run of 300,000 blocks, about 161 MB of values and 7 MB of tree. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5)
@Measurement(iterations = 10)
@Fork(1)
public class CheckBenchmark {
  private static final int BLOCKS = 300_000;

  private final BenchRuns bench;
  private final Run run;

  public CheckBenchmark() {
    try {
      bench = new BenchRuns(64, new BlockCache(1 << 20, 1 << 20), 1 << 20);
      RunCatalog catalog = bench.catalog;
      Epoch epoch = Epoch.begin(bench.key);
      try (RunWriter writer = new RunWriter(catalog, epoch, 1, 2L * BLOCKS, Set.of())) {
        for (int i = 0; i < BLOCKS; i++) {
          writer.addPlain(2L * i, BenchBlocks.block(2L * i, 1), 0);
        }
        run = RunStack.owning(catalog, List.of(writer.finish().run())).runs().getFirst();
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @TearDown(Level.Trial)
  public void delete() throws IOException {
    bench.close();
  }

  /** Files against their names, and the tree. */
  @Benchmark
  public long files() throws IOException {
    return check(false);
  }

  /** The same, and every value opened and decompressed. */
  @Benchmark
  public long values() throws IOException {
    return check(true);
  }

  /** Returns the bytes of the files. */
  private long check(boolean openValues) throws IOException {
    long[] bytes = new long[1];
    RunChecker.Listener listener =
        new RunChecker.Listener() {
          @Override
          public void read(long more) {
            bytes[0] += more;
          }

          @Override
          public void damage(RunChecker.Damage damage) {
            throw new IllegalStateException(damage.what());
          }
        };
    try (RunChecker checker = new RunChecker(openValues, listener)) {
      checker.check(run);
    }
    return bytes[0];
  }
}
