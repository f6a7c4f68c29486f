package io.bailey.bench;

import io.bailey.volume.Durability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Measures one subject after the other; what each leaves on the disk is deleted after it. */
final class RandomBenchmark {
  private static final long SPARE_BYTES = 256L << 20;
  private static final long QCOW2_CLUSTER_BYTES = 64 << 10;
  private static final long VPC_BLOCK_BYTES = 2 << 20;
  private static final long NBDKIT_PAGE_BYTES = 32 << 10;

  private final Workload workload;
  private final int rounds;
  private final int peerRounds;
  private final int warmUps;
  private final int peerSeconds;
  private final long memoryBudgetBytes;
  private final Path directory;

  /**
   * @param warmUps rounds on Bailey before those, which don't count
   * @param peerSeconds after which a peer's round ends its writes; 0 for never
   * @param directory for the disks
   */
  RandomBenchmark(
      Workload workload,
      int rounds,
      int peerRounds,
      int warmUps,
      int peerSeconds,
      long memoryBudgetBytes,
      Path directory) {
    this.workload = workload;
    this.rounds = rounds;
    this.peerRounds = peerRounds;
    this.warmUps = warmUps;
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
      needed = Math.max(needed, SPARE_BYTES + needed(subject));
    }
    Workplace.failIfTooSmall(directory, needed, "fewer --rounds, or a smaller --span");
  }

  private long needed(Subject subject) {
    if (subject.peer().isEmpty()) {
      // Values, trees, and both before and after a merge, with nothing said of compression.
      return 2 * touchedBytes(rounds, Pattern.BLOCK_BYTES);
    }
    return switch (subject.peer().get()) {
      case MEMORY, NULL -> 0;
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

  /** Runs all rounds on a fresh disk. */
  RandomRun measure(Subject subject) throws IOException {
    int count = subject.peer().isEmpty() ? rounds : peerRounds;
    try (Workplace place = new Workplace(directory);
        Target target = start(subject, place);
        Progress progress = new Progress(subject.title(), 2L * count * workload.operations())) {
      Usage before = target.usage();
      List<RoundRun.Times> times = new ArrayList<>();
      for (int round = 0; round < count; round++) {
        long done = 2L * round * workload.operations();
        times.add(target.round(round, (writes, reads) -> progress.at(done + writes + reads)));
      }
      target.settle();
      Usage used = target.usage().since(before);
      return new RandomRun(times, storedBytes(place), files(place.data()), used);
    }
  }

  private Target start(Subject subject, Workplace place) throws IOException {
    boolean flush = subject.durability().filter(d -> d != Durability.NONE).isPresent();
    RoundRun roundRun = new RoundRun(workload, flush, subject.peer().isPresent() ? peerSeconds : 0);
    if (subject.peer().isPresent()) {
      PeerProcess peer = PeerProcess.start(subject.peer().get(), place, workload.spanBytes());
      return new ServedTarget(
          peer, peer.socket(), "", subject.depth(), workload.spanBytes(), roundRun);
    }
    EngineTarget engine =
        new EngineTarget(
            place,
            memoryBudgetBytes,
            subject.durability().orElseThrow(),
            workload,
            subject.depth() == 0);
    boolean warm = false;
    try {
      warmUp(engine, subject.depth(), flush);
      warm = true;
    } finally {
      if (!warm) {
        engine.close();
      }
    }
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

  /** Runs rounds that don't count, with addresses of their own, and leaves an empty volume. */
  private void warmUp(EngineTarget engine, int depth, boolean flush) throws IOException {
    if (warmUps == 0) {
      return;
    }
    if (depth == 0) {
      for (int i = 1; i <= warmUps; i++) {
        engine.round(-i, (writes, reads) -> {});
      }
    } else {
      RoundRun apart = new RoundRun(workload, flush, 0);
      try (NbdDisk disk = NbdDisk.connect(engine.socket(), EngineProcess.EXPORT, depth)) {
        for (int i = 1; i <= warmUps; i++) {
          apart.run(disk, -i, (writes, reads) -> {});
        }
      }
    }
    engine.settle();
    engine.renew(workload.spanBytes());
  }

  private static long storedBytes(Workplace place) throws IOException {
    // Java can't ask for blocks that a file takes, only for its length.
    String said =
        ChildProcess.output(place.run(), List.of("du", "-s", "-B1", place.data().toString()));
    return Long.parseLong(said.split("\\s", 2)[0]);
  }

  private static long files(Path data) throws IOException {
    try (Stream<Path> all = Files.walk(data)) {
      return all.filter(Files::isRegularFile).count();
    }
  }
}
