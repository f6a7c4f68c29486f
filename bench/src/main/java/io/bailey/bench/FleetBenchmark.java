package io.bailey.bench;

import io.bailey.cli.Terminals;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** Loads a fleet's disks, each time on a limited disk of its own, which goes afterwards. */
final class FleetBenchmark {
  private static final Path MEMORY_FILES = Path.of("/dev/shm");

  private static final int MAX_SETTLE_SECONDS = 120;
  private static final int SETTLED_SECONDS = 3;

  private final Setting setting;
  private final Path imageDirectory;

  /** Held while something is made that has to be cleaned up. */
  private final ReentrantLock opening = new ReentrantLock();

  /**
   * What is measured.
   *
   * @param volumes as many clients
   * @param warmUpSeconds how long the same load runs before, without limits
   * @param diskBytes of the file system that the volumes lie on
   * @param iops of the disk, reads and writes each; 0 for no limit
   */
  record Setting(
      int volumes,
      long volumeBytes,
      int writesPerSecond,
      int flushEvery,
      int warmUpSeconds,
      long diskBytes,
      int iops,
      long bytesPerSecond,
      long memoryBudgetBytes,
      long seed) {}

  FleetBenchmark(Setting setting, Path imageDirectory) {
    this.setting = setting;
    this.imageDirectory = imageDirectory;
  }

  /** What serves the volumes. */
  private interface Served extends AutoCloseable {
    List<FleetLoad.Export> exports();

    @Override
    void close() throws IOException;
  }

  /** Directories of a run: its own, one on the disk, and one in memory. */
  private record Places(Path run, Path disk, Path memory) {}

  /** Serves the volumes in a directory of the disk. */
  private interface Server {
    Served serve(Places places, int volumes) throws IOException;
  }

  /** Bailey's durable volumes, all in one store. */
  FleetRow bailey(int seconds, boolean noisy) throws IOException {
    String title = noisy ? "bailey, beside a noisy one" : "bailey";
    return measure(title, seconds, noisy, this::serveStore);
  }

  /** A qcow2 file and a qemu-nbd each. */
  FleetRow qcow2(int seconds) throws IOException {
    return measure("qcow2, qemu-nbd", seconds, false, this::serveQcow2);
  }

  private FleetRow measure(String title, int seconds, boolean noisy, Server server)
      throws IOException {
    Path run = Files.createTempDirectory("bailey-fleet");
    Path memory = Files.createTempDirectory(MEMORY_FILES, "bailey-fleet");
    Path image = imageDirectory.resolve(run.getFileName() + ".img");
    List<AutoCloseable> open = new ArrayList<>();
    // Ended from outside: no server, mount, limit or loop device stays behind, and no file.
    Thread cleaning =
        new Thread(
            () -> {
              // Never unlocked: nothing new is to begin.
              opening.lock();
              clean(open, run, memory);
            },
            "bench-clean");
    Runtime.getRuntime().addShutdownHook(cleaning);
    try {
      LimitedDisk disk;
      Served served;
      opening.lock();
      try {
        disk = LimitedDisk.make(run, image, setting.diskBytes());
        open.add(disk);
        int volumes = setting.volumes() + (noisy ? 1 : 0);
        if (!Terminals.isStderrTerminal()) {
          System.err.println("measuring " + title);
        }
        served = server.serve(new Places(run, disk.directory(), memory), volumes);
        open.add(served);
      } finally {
        opening.unlock();
      }
      if (setting.warmUpSeconds() > 0) {
        FleetLoad.Result _ = load(setting.warmUpSeconds()).run(served.exports(), false, over -> {});
        settle(disk);
      }
      disk.limit(setting.iops(), setting.bytesPerSecond());
      FleetLoad load = load(seconds);
      LimitedDisk.Counts before = disk.counts();
      LimitedDisk.Counts[] used = new LimitedDisk.Counts[1];
      FleetLoad.Result result =
          load.run(
              served.exports(),
              noisy,
              over -> {
                progress(title, over, seconds);
                if (over == seconds) {
                  used[0] = disk.counts().since(before);
                }
              });
      return new FleetRow(
          title, setting.volumes(), seconds, result, used[0], disk.reasonWithoutLimit().orElse(""));
    } finally {
      clean(open, run, memory);
      Runtime.getRuntime().removeShutdownHook(cleaning);
    }
  }

  private FleetLoad load(int seconds) {
    return new FleetLoad(
        setting.writesPerSecond(),
        setting.flushEvery(),
        seconds,
        setting.volumeBytes(),
        setting.seed());
  }

  /** Waits until nothing has been written to the disk for a while, as on a host that rests. */
  private static void settle(LimitedDisk disk) throws IOException {
    long before = -1;
    int still = 0;
    for (int i = 0; i < MAX_SETTLE_SECONDS && still < SETTLED_SECONDS; i++) {
      LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
      long now = disk.counts().writtenBytes();
      still = now == before ? still + 1 : 0;
      before = now;
    }
  }

  private static void progress(String title, int over, int seconds) {
    if (Terminals.isStderrTerminal()) {
      System.err.print("\r" + title + ": " + over + " of " + seconds + " s");
      System.err.print(over == seconds ? "\n" : "");
    }
  }

  private static synchronized void clean(List<AutoCloseable> open, Path... directories) {
    for (AutoCloseable each : open.reversed()) {
      try {
        each.close();
      } catch (Exception e) {
        System.err.println("bailey bench: " + e.getMessage());
      }
    }
    open.clear();
    for (Path directory : directories) {
      Workplace.delete(directory);
    }
  }

  private Served serveStore(Places places, int volumes) throws IOException {
    Path sockets = places.run().resolve("s");
    List<String> command =
        ChildProcess.java(
            setting.memoryBudgetBytes(),
            FleetProcess.class,
            places.disk().resolve("store").toString(),
            places.memory().toString(),
            sockets.toString(),
            Long.toString(setting.memoryBudgetBytes()),
            Integer.toString(volumes),
            Long.toString(setting.volumeBytes()));
    ChildProcess child = ChildProcess.start(places.run(), command);
    List<FleetLoad.Export> exports = new ArrayList<>();
    for (int i = 0; i < volumes; i++) {
      exports.add(new FleetLoad.Export(FleetProcess.socket(sockets, i), "v" + i));
    }
    Served served = served(exports, List.of(child));
    String line = child.process().inputReader(StandardCharsets.UTF_8).readLine();
    if (!"ready".equals(line)) {
      served.close();
      throw child.failed("ended early");
    }
    return served;
  }

  private Served serveQcow2(Places places, int volumes) throws IOException {
    List<ChildProcess> children = new ArrayList<>();
    List<FleetLoad.Export> exports = new ArrayList<>();
    boolean done = false;
    try {
      for (int i = 0; i < volumes; i++) {
        Path own = Files.createDirectories(places.run().resolve("q" + i));
        Path image = places.disk().resolve(i + ".qcow2");
        String size = Long.toString(setting.volumeBytes());
        PeerProcess.create(own, "qcow2", List.of(), image.toString(), size);
        Path socket = own.resolve("s");
        children.add(
            ChildProcess.start(
                own,
                List.of(
                    "qemu-nbd",
                    "--persistent",
                    "--format=qcow2",
                    "--socket=" + socket,
                    image.toString())));
        exports.add(new FleetLoad.Export(socket, ""));
      }
      for (int i = 0; i < volumes; i++) {
        children.get(i).awaitSocket(exports.get(i).socket());
      }
      done = true;
      return served(exports, children);
    } finally {
      if (!done) {
        end(children);
      }
    }
  }

  private static Served served(List<FleetLoad.Export> exports, List<ChildProcess> children) {
    return new Served() {
      @Override
      public List<FleetLoad.Export> exports() {
        return exports;
      }

      @Override
      public void close() throws IOException {
        end(children);
      }
    };
  }

  /** Kills the servers: what they would still write is deleted anyway. */
  private static void end(List<ChildProcess> children) throws IOException {
    children.forEach(child -> child.process().destroyForcibly());
    for (ChildProcess child : children) {
      child.close();
    }
  }
}
