package io.bailey.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * A machine with a simulated disk and a memory file system. Its files can be made to fail, so that
 * processes on it die, and its power can be cut.
 */
public final class SimulatedHost implements AutoCloseable {
  private final Path top;
  private final MemoryFiles memory;
  private final FaultyFiles files;
  private volatile SimulatedDisk disk;

  /** What a machine holds at one moment, to go on from later or elsewhere. */
  public static final class State {
    private final Path memoryDirectory;
    private final MemoryFiles.Snapshot memory;
    private final SimulatedDisk disk;

    private State(Path memoryDirectory, MemoryFiles.Snapshot memory, SimulatedDisk disk) {
      this.memoryDirectory = memoryDirectory;
      this.memory = memory;
      this.disk = disk;
    }

    /** As another process finds it, the power having been there all the time. */
    public SimulatedDisk disk() {
      return disk;
    }
  }

  public SimulatedHost() throws IOException {
    top = Files.createTempDirectory(Path.of("/dev/shm"), "bailey-test");
    // For real too, for the lock that a store takes on it.
    Files.createDirectories(storeDirectory());
    memory = new MemoryFiles(top.resolve("memory"));
    disk = new SimulatedDisk(top.resolve("disk"));
    files = new FaultyFiles(new Routed());
  }

  public Path storeDirectory() {
    return top.resolve("disk/store");
  }

  public Path memoryDirectory() {
    return memory.directory();
  }

  /** What engines on this machine use. */
  public FaultyFiles files() {
    return files;
  }

  public boolean exists(Path path) {
    return path.startsWith(memory.directory()) ? memory.exists(path) : disk.exists(path);
  }

  /**
   * Does what a kernel does when a sync of that file fails: what was un-synced is never written.
   */
  public void loseUnsynced(Path path) throws IOException {
    if (!path.startsWith(memory.directory())) {
      disk.loseUnsynced(path);
    }
  }

  /** Takes note of everything. */
  public State state() throws IOException {
    return new State(memory.directory(), memory.snapshot(), disk.copy());
  }

  /** Becomes the machine of that state after a kill -9. */
  public void becomeKilled(State state) throws IOException {
    disk = state.disk.copy().at(top.resolve("disk"));
    memory.restore(state.memory, state.memoryDirectory);
  }

  /** Becomes a machine that was cut off, with such a disk. */
  public void becomePowerless(SimulatedDisk left) throws IOException {
    disk = left.at(top.resolve("disk"));
    memory.clear();
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> all = Files.walk(top)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  /** Paths below the memory directory go there, others to the disk. */
  private final class Routed implements HostFiles {
    private HostFiles of(Path path) {
      return path.startsWith(memory.directory()) ? memory : disk;
    }

    @Override
    public HostFile open(Path path) throws IOException {
      return of(path).open(path);
    }

    @Override
    public long usableBytes(Path path) throws IOException {
      return of(path).usableBytes(path);
    }

    @Override
    public HostFile create(Path path) throws IOException {
      return of(path).create(path);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
      of(to).rename(from, to);
    }

    @Override
    public void delete(Path path) throws IOException {
      of(path).delete(path);
    }

    @Override
    public void createDirectories(Path path) throws IOException {
      of(path).createDirectories(path);
    }

    @Override
    public List<String> list(Path path) throws IOException {
      return of(path).list(path);
    }

    @Override
    public boolean exists(Path path) {
      return of(path).exists(path);
    }

    @Override
    public void syncDirectory(Path path) throws IOException {
      of(path).syncDirectory(path);
    }
  }
}
