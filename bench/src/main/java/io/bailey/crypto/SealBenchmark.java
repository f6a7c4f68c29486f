package io.bailey.crypto;

import io.bailey.bench.BenchBlocks;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What a block costs on its way to a chunk: compressing it, sealing it, opening it again. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class SealBenchmark {
  private final Epoch epoch = Epoch.begin(DataKey.random());
  private final Codec codec = Codec.borrow();
  private final byte[] block = BenchBlocks.block(12_345, 1);
  private final byte[] opened = new byte[BenchBlocks.BLOCK_BYTES + Aead.TAG_BYTES];
  private final byte[] sealed = new byte[BenchBlocks.BLOCK_BYTES + 2 * Aead.TAG_BYTES];
  private final byte[] tag = new byte[Aead.TAG_BYTES];
  private long counter;
  private int packedBytes;

  @Setup
  public void seal() {
    packedBytes = codec.compress(block, 0, block.length);
    counter = epoch.nextCounter();
    codec.aead().seal(epoch, counter, codec.packed(packedBytes), 0, packedBytes, sealed, 0);
    System.arraycopy(sealed, packedBytes, tag, 0, tag.length);
  }

  @Benchmark
  public int compress() {
    return codec.compress(block, 0, block.length);
  }

  @Benchmark
  public byte[] sealPacked() {
    byte[] out = codec.sealed(packedBytes + Aead.TAG_BYTES);
    codec.aead().seal(epoch, epoch.nextCounter(), block, 0, packedBytes, out, 0);
    return out;
  }

  @Benchmark
  public byte[] sealWhole() {
    byte[] out = codec.sealed(block.length + Aead.TAG_BYTES);
    codec.aead().seal(epoch, epoch.nextCounter(), block, 0, block.length, out, 0);
    return out;
  }

  @Benchmark
  public boolean openAndDecompress() {
    byte[] packed = codec.packed(packedBytes);
    return codec.aead().open(epoch, counter, sealed, 0, packedBytes, tag, 0, packed, 0)
        && Codec.decompress(packed, 0, packedBytes, opened, 0, block.length);
  }
}
