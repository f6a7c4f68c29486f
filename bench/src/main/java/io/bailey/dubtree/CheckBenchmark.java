package io.bailey.dubtree;

import io.bailey.bench.BenchBlocks;
import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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

  private final Path directory;
  private final ChunkStore chunks;
  private final Run run;

  public CheckBenchmark() {
    try {
      directory = Files.createTempDirectory("bailey-jmh");
      chunks = new ChunkStore(new LocalFiles(), directory.resolve("chunks"), 64);
      DataKey key = DataKey.random();
      KeyRing keys = new KeyRing();
      keys.add(key);
      RunCatalog catalog = new RunCatalog(chunks, keys, new BlockCache(1 << 20, 1 << 20), 1 << 20);
      try (RunWriter writer = new RunWriter(catalog, Epoch.begin(key), 1, 2L * BLOCKS, Set.of())) {
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
    chunks.close();
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
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
