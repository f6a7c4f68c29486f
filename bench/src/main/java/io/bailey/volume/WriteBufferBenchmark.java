package io.bailey.volume;

import io.bailey.bench.BenchBlocks;
import io.bailey.bench.Workplace;
import io.bailey.crypto.Codec;
import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.UUID;
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

/**
 * What a block costs in the write buffer: taking a slot, filling and publishing it, and putting.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class WriteBufferBenchmark {
  private static final int BLOCKS = 10_000;
  private static final long POOL_BYTES = 64L << 20;

  private final SplittableRandom random = new SplittableRandom(1);
  private final byte[] block = BenchBlocks.block(1, 1);
  private final byte[] read = new byte[BenchBlocks.BLOCK_BYTES];
  private final int[] slot = new int[1];
  private final Path directory;
  private final SlabPool pool;
  private final WriteBuffer buffer;
  private final WriteBuffer packedBuffer;
  private final PackTrial trial = new PackTrial();
  private long sequence;

  public WriteBufferBenchmark() {
    try {
      directory = Files.createTempDirectory(Path.of("/dev/shm"), "bailey-jmh");
      pool =
          new SlabPool(
              new LocalFiles(), directory, UUID.randomUUID(), POOL_BYTES, (s, q, v, b, n) -> {});
      buffer = new WriteBuffer(pool);
      packedBuffer = new WriteBuffer(pool);
      for (int i = 0; i < BLOCKS; i++) {
        put(i);
        putPacked(i);
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void put(long at) throws IOException {
    if (!pool.take(1, slot)) {
      throw new IOException("the pool is full");
    }
    pool.fill(slot[0], MemorySegment.ofArray(block), 0);
    pool.publish(slot[0], ++sequence, 1, at, 0);
    buffer.put(at, slot[0]);
  }

  @TearDown(Level.Trial)
  public void delete() throws IOException {
    pool.close(true);
    Workplace.delete(directory);
  }

  private void putPacked(long at) throws IOException {
    Codec codec = Codec.borrow();
    PackedBlocks packed = new PackedBlocks(codec, MemorySegment.ofArray(block), 0, 1, trial);
    if (!pool.take(packedBuffer.slotsFor(packed), slot)) {
      throw new IOException("the pool is full");
    }
    packedBuffer.put(at, packed, slot, ++sequence, 1);
    codec.giveBack();
  }

  /** Replaces a block that the buffer has. */
  @Benchmark
  public void overwrite() throws IOException {
    put(random.nextInt(BLOCKS));
  }

  /** The same where blocks are compressed and share slots. */
  @Benchmark
  public void overwritePacked() throws IOException {
    putPacked(random.nextInt(BLOCKS));
  }

  @Benchmark
  public byte[] readPacked() throws IOException {
    int place = packedBuffer.place(random.nextInt(BLOCKS));
    pool.unpack(pool.packed(place), place, MemorySegment.ofArray(read), 0);
    return read;
  }

  @Benchmark
  public byte[] read() {
    pool.copy(buffer.place(random.nextInt(BLOCKS)), MemorySegment.ofArray(read), 0);
    return read;
  }
}
