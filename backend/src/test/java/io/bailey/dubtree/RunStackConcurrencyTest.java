package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkId;
import io.bailey.chunk.ChunkKind;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.FaultyFiles;
import io.bailey.io.SimulatedDisk;
import io.bailey.io.Spin;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/**
 * Readers of a stack beside a thread that replaces it, the way a volume does both: what a reader
 * retained is there until it is done, and what nobody has any more is deleted.
 */
@Param(name = "volume", gen = IntGen.class, conf = "0:1")
public final class RunStackConcurrencyTest {
  private static final Path DIRECTORY = Path.of("/chunks");
  private static final BlockCache CACHE = new BlockCache(1 << 20, 1 << 20);
  private static final Epoch EPOCH = Epoch.begin(DataKey.random());
  private static final NodePointer NOWHERE = new NodePointer(0, 1, 1, 0, new byte[16]);
  private static final Descriptor EMPTY =
      new Descriptor(1, 0, 0, 0, 0, List.of(), List.of(), List.of(), List.of());

  private final SimulatedDisk disk = new SimulatedDisk(Path.of("/"));
  private final FaultyFiles files = new FaultyFiles(disk);
  private final ChunkStore chunks;
  private final RunCatalog catalog;
  private final Object[] locks = {new Object(), new Object()};

  /** Of two volumes, the second being a fork of the first. */
  private final RunStack[] current = new RunStack[2];

  private final AtomicInteger runs = new AtomicInteger();

  public RunStackConcurrencyTest() throws IOException {
    // So that others come between.
    files.fault((call, path) -> Spin.shortly());
    chunks = new ChunkStore(files, DIRECTORY, 8);
    catalog = new RunCatalog(chunks, new KeyRing(), CACHE, 1 << 20);
    current[0] = RunStack.owning(catalog, List.of(run()));
    current[1] = current[0].fork();
  }

  private Run run() throws IOException {
    ChunkId id = new ChunkId(0, 0, 0, runs.incrementAndGet());
    disk.create(DIRECTORY.resolve(id.toString())).close();
    Chunk tree = chunks.acquire(ChunkKind.TREE, id, 1);
    RunRef ref = new RunRef(0, id, 1, EPOCH.keyId(), EPOCH.salt(), NOWHERE);
    NodeFile nodes = new NodeFile(tree, EPOCH);
    return catalog.add(ref, tree, new Run.Content(EMPTY, nodes, List.of(), List.of(), CACHE, null));
  }

  private boolean allThere(RunStack stack) {
    for (Run run : stack.runs()) {
      if (!disk.exists(DIRECTORY.resolve(run.ref().tree().toString()))) {
        return false;
      }
    }
    return true;
  }

  @Operation
  public boolean read(@Param(name = "volume") int volume) {
    RunStack seen;
    synchronized (locks[volume]) {
      seen = current[volume];
      seen.retain();
    }
    boolean there = allThere(seen);
    seen.release();
    return there;
  }

  @Operation
  public boolean fork(@Param(name = "volume") int volume) {
    RunStack fork;
    synchronized (locks[volume]) {
      fork = current[volume].fork();
    }
    boolean there = allThere(fork);
    fork.release();
    return there;
  }

  @Operation
  public void replace(@Param(name = "volume") int volume) throws IOException {
    RunStack previous;
    synchronized (locks[volume]) {
      previous = current[volume];
      current[volume] = previous.replacing(previous.runs(), List.of(run()));
    }
    previous.release();
  }

  @Validate
  public void onlyWhatIsInUseIsLeft() {
    boolean same = current[0].refs().equals(current[1].refs());
    if (!allThere(current[0])
        || !allThere(current[1])
        || disk.list(DIRECTORY).size() != (same ? 1 : 2)) {
      throw new AssertionError("left: " + disk.list(DIRECTORY));
    }
  }

  @Test
  void whatIsRetained_isThere_andWhatIsNot_isDeleted() {
    new StressOptions()
        .iterations(8)
        .invocationsPerIteration(200)
        .threads(2)
        .actorsPerThread(3)
        .check(RunStackConcurrencyTest.class);
  }
}
