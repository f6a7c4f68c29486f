package io.bailey.chunk;

import io.bailey.io.FaultyFiles;
import io.bailey.io.SimulatedDisk;
import io.bailey.io.Spin;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/** The same content written, referred to, given up and collected on several threads. */
@Param(name = "content", gen = IntGen.class, conf = "0:1")
public final class ChunkStoreConcurrencyTest {
  private static final Path DIRECTORY = Path.of("/chunks");

  private final SimulatedDisk disk = new SimulatedDisk(Path.of("/"));
  private final FaultyFiles files = new FaultyFiles(disk);
  private final ChunkStore store;

  public ChunkStoreConcurrencyTest() throws IOException {
    // So that others come between.
    files.fault((call, path) -> Spin.shortly());
    store = new ChunkStore(files, DIRECTORY, 1);
  }

  /** Writes a chunk and gives it up again; whether it read well meanwhile. */
  @Operation
  public boolean write(@Param(name = "content") int content) throws IOException {
    Chunk chunk = written(content);
    boolean whole = isWhole(chunk, content);
    store.release(chunk);
    return whole;
  }

  private Chunk written(int content) throws IOException {
    try (ChunkOutput output = store.newOutput(ChunkKind.VALUES)) {
      output.write(new byte[] {(byte) content}, 0, 1);
      return output.finish();
    }
  }

  /** Whether it reads well here, and the next process would find it under its name. */
  private boolean isWhole(Chunk chunk, int content) throws IOException {
    byte[] read = {-1};
    chunk.read(chunk.size() - 1, read, 0, 1);
    return read[0] == content && disk.exists(DIRECTORY.resolve(chunk.id().toString()));
  }

  /** The same by two runs that share it. */
  @Operation
  public boolean share(@Param(name = "content") int content) throws IOException {
    Chunk chunk = written(content);
    store.retain(chunk);
    store.release(chunk);
    Chunk same = store.acquire(ChunkKind.VALUES, chunk.id(), chunk.size());
    store.release(chunk);
    boolean whole = isWhole(same, content);
    store.release(same);
    return whole;
  }

  @Operation
  public void collect() throws IOException {
    store.removeUnreferenced(Set.of());
  }

  @Validate
  public void nothingIsLeft() {
    if (!disk.list(DIRECTORY).isEmpty()) {
      throw new AssertionError("left: " + disk.list(DIRECTORY));
    }
  }

  @Test
  void aChunkIsThere_asLongAsOneRefersToIt_andNotLonger() {
    new StressOptions()
        .iterations(8)
        .invocationsPerIteration(200)
        .threads(2)
        .actorsPerThread(2)
        .check(ChunkStoreConcurrencyTest.class);
  }
}
