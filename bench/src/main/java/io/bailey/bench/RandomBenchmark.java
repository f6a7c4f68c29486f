package io.bailey.bench;

import io.bailey.cli.ByteSize;
import io.bailey.cli.Terminals;
import io.bailey.volume.Durability;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Measures one subject after the other; what each leaves on the disk is deleted after it. */
final class RandomBenchmark {
  private static final Path MEMORY_FILES = Path.of("/dev/shm");
  private static final int PROGRESS_WIDTH = 100;
  private static final long SPARE_BYTES = 256L << 20;
  private static final long QCOW2_CLUSTER_BYTES = 64 << 10;
  private static final long VPC_BLOCK_BYTES = 2 << 20;
  private static final long NBDKIT_PAGE_BYTES = 32 << 10;

  private final Workload workload;
  private final int rounds;
  private final int peerRounds;
  private final int peerSeconds;
  private final long memoryBudgetBytes;
  private final Path directory;

  /**
   * @param peerSeconds after which a peer's round ends its writes; 0 for never
   * @param directory for the disks
   */
  RandomBenchmark(
      Workload workload,
      int rounds,
      int peerRounds,
      int peerSeconds,
      long memoryBudgetBytes,
      Path directory) {
    this.workload = workload;
    this.rounds = rounds;
    this.peerRounds = peerRounds;
    this.peerSeconds = peerSeconds;
    this.memoryBudgetBytes = memoryBudgetBytes;
    this.directory = directory;
  }

  /** Why a subject can't be measured here, if it can't. */
  Optional<String> reasonToLeaveOut(Subject subject) throws IOException {
    if (subject.peer().isEmpty()) {
      return Optional.empty();
    }
    PeerProcess.Format format = subject.peer().get();
    if (!PeerProcess.isInstalled(format.program())) {
      return Optional.of(subject.title() + ": " + format.program() + " is not installed");
    }
    if (format == PeerProcess.Format.MEMORY
        && touchedBytes(peerRounds, NBDKIT_PAGE_BYTES) + SPARE_BYTES > Machine.availableBytes()) {
      return Optional.of(subject.title() + ": the disk may not fit into the memory there is");
    }
    return Optional.empty();
  }

  /** Refuses where a disk might not fit. */
  void failIfDiskTooSmall(Collection<Subject> subjects) throws IOException {
    long needed = 0;
    for (Subject subject : subjects) {
      if (reasonToLeaveOut(subject).isEmpty()) {
        needed = Math.max(needed, SPARE_BYTES + needed(subject));
      }
    }
    Files.createDirectories(directory);
    long usable = Files.getFileStore(directory).getUsableSpace();
    if (usable < needed) {
      throw new IOException(
          directory
              + " has room for "
              + ByteSize.format(usable)
              + ", and up to "
              + ByteSize.format(needed)
              + " are needed: choose another with --dir, or fewer --rounds, or a smaller --span");
    }
  }

  private long needed(Subject subject) {
    if (subject.peer().isEmpty()) {
      // Values, trees, and both before and after a merge, with nothing said of compression.
      return 2 * touchedBytes(rounds, Pattern.BLOCK_BYTES);
    }
    return switch (subject.peer().get()) {
      case MEMORY -> 0;
      case RAW -> touchedBytes(peerRounds, Pattern.BLOCK_BYTES);
      case QCOW2, QCOW2_BACKED -> touchedBytes(peerRounds, QCOW2_CLUSTER_BYTES);
      case VPC -> touchedBytes(peerRounds, VPC_BLOCK_BYTES);
    };
  }

  /** The most that writes can allocate where space comes in such units. */
  private long touchedBytes(int count, long unit) {
    double writes = (double) workload.operations() * count;
    double each = Workload.MEAN_BLOCKS * Pattern.BLOCK_BYTES + (unit - Pattern.BLOCK_BYTES);
    return (long) Math.min(workload.spanBytes() * 1.02, writes * each);
  }

  /** Measures a subject. */
  Row measure(Subject subject) throws IOException {
    Path run = Files.createTempDirectory("bailey-bench");
    Path data = Files.createTempDirectory(directory, "bailey-bench-data");
    Path memory = Files.createTempDirectory(MEMORY_FILES, "bailey-bench");
    // Ended from outside: no server stays behind, and no file.
    Thread cleaning =
        new Thread(
            () -> {
              ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
              deleteAll(run, data, memory);
            },
            "bench-clean");
    Runtime.getRuntime().addShutdownHook(cleaning);
    int count = subject.peer().isEmpty() ? rounds : peerRounds;
    try (Target target = start(subject, run, data, memory);
        Progress progress = new Progress(subject.title(), 2L * count * workload.operations())) {
      Usage before = target.usage();
      List<RoundRun.Times> times = new ArrayList<>();
      for (int round = 0; round < count; round++) {
        long done = 2L * round * workload.operations();
        times.add(target.round(round, (writes, reads) -> progress.at(done + writes + reads)));
      }
      target.settle();
      Usage used = target.usage().since(before);
      return new Row(subject, times, storedBytes(run, data), files(data), used);
    } finally {
      deleteAll(run, data, memory);
      Runtime.getRuntime().removeShutdownHook(cleaning);
    }
  }

  private Target start(Subject subject, Path run, Path data, Path memory) throws IOException {
    boolean flush = subject.durability().filter(d -> d != Durability.NONE).isPresent();
    RoundRun roundRun = new RoundRun(workload, flush, subject.peer().isPresent() ? peerSeconds : 0);
    if (subject.peer().isPresent()) {
      PeerProcess peer = PeerProcess.start(subject.peer().get(), run, data, workload.spanBytes());
      return new ServedTarget(
          peer, peer.socket(), "", subject.depth(), workload.spanBytes(), roundRun);
    }
    EngineTarget engine =
        new EngineTarget(
            run,
            data.resolve("store"),
            memory,
            memoryBudgetBytes,
            subject.durability().orElseThrow(),
            workload);
    return subject.depth() == 0
        ? engine
        : new ServedTarget(
            engine,
            engine.socket(),
            EngineProcess.EXPORT,
            subject.depth(),
            workload.spanBytes(),
            roundRun);
  }

  private static long storedBytes(Path run, Path data) throws IOException {
    // Java can't ask for blocks that a file takes, only for its length.
    String said = ChildProcess.output(run, List.of("du", "-s", "-B1", data.toString()));
    return Long.parseLong(said.split("\\s", 2)[0]);
  }

  private static long files(Path data) throws IOException {
    try (Stream<Path> all = Files.walk(data)) {
      return all.filter(Files::isRegularFile).count();
    }
  }

  private static void deleteAll(Path... directories) {
    for (Path each : directories) {
      try (Stream<Path> all = Files.walk(each)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(path);
        }
      } catch (IOException | UncheckedIOException e) {
        System.err.println("bailey bench: can't delete all of " + each + ": " + e.getMessage());
      }
    }
  }

  /** How far a subject is: a bar on a terminal, a line elsewhere. */
  private static final class Progress implements AutoCloseable {
    private final Optional<ProgressBar> bar;

    Progress(String title, long total) {
      if (!Terminals.isStderrTerminal()) {
        System.err.println("measuring " + title);
        bar = Optional.empty();
        return;
      }
      bar =
          Optional.of(
              new ProgressBarBuilder()
                  .setTaskName(title)
                  .setInitialMax(total)
                  .setStyle(ProgressBarStyle.ASCII)
                  .setUpdateIntervalMillis(200)
                  .setConsumer(new ConsoleProgressBarConsumer(System.err, PROGRESS_WIDTH))
                  .build());
    }

    void at(long done) {
      bar.ifPresent(b -> b.stepTo(done));
    }

    @Override
    public void close() {
      bar.ifPresent(ProgressBar::close);
    }
  }
}
