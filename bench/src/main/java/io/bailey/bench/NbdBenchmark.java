package io.bailey.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Measures disks over NBD with fio, in turn: every repetition visits every disk, each time in
 * another order, so that what else happens on the machine doesn't always hit the same one.
 *
 * <p>Each visit is to a fresh disk, which is written all over and then read all over in another
 * order. The engine's processes live as long as the benchmark, as a daemon does. What a disk leaves
 * for the host to do in the background is waited for before the next one is visited.
 */
final class NbdBenchmark {
  private static final long WARM_UP_BYTES = 256L << 20;

  private final List<NbdSubject> subjects;
  private final List<Long> spans;
  private final Options options;

  /**
   * How to measure.
   *
   * @param warmUps visits of each disk at each depth before it counts
   * @param peerSeconds after which a peer's writes end; 0 for never
   * @param directory for the disks
   */
  record Options(
      List<Integer> depths,
      int repeat,
      int warmUps,
      int peerSeconds,
      long memoryBudgetBytes,
      long seed,
      Path directory) {}

  NbdBenchmark(List<NbdSubject> subjects, List<Long> spans, Options options) {
    this.subjects = subjects;
    this.spans = spans;
    this.options = options;
  }

  /** Why a disk can't be measured here, if it can't. */
  static Optional<String> reasonToLeaveOut(NbdSubject subject) {
    return subject
        .peer()
        .map(PeerProcess.Format::program)
        .filter(program -> !PeerProcess.isInstalled(program))
        .map(program -> subject.title() + ": " + program + " is not installed");
  }

  /** Refuses where the disks might not fit. */
  void failIfDiskTooSmall() throws IOException {
    long largest = Collections.max(spans);
    long needed = 256L << 20;
    for (NbdSubject subject : subjects) {
      // Values before and after a merge, with nothing said of compression; and the journal.
      needed += subject.durability().isPresent() ? 3 * largest : 0;
    }
    needed += largest + largest / 10;
    Workplace.failIfTooSmall(options.directory, needed, "a smaller --span");
  }

  /** Measures all: a row for each span, depth and disk. */
  List<NbdRow> run() throws IOException {
    Map<NbdSubject, Engine> engines = new EnumMap<>(NbdSubject.class);
    try {
      for (NbdSubject subject : subjects) {
        if (subject.durability().isPresent()) {
          engines.put(subject, new Engine(subject));
        }
      }
      return run(engines);
    } finally {
      for (Engine engine : engines.values()) {
        engine.close();
      }
    }
  }

  /** One visit of a disk; repetition 0 is a warm-up. */
  private record Visit(NbdSubject subject, long span, int depth, int repetition) {
    NbdRow row(List<NbdRow.Pass> passes) {
      return new NbdRow(subject, span, depth, passes);
    }

    /** What all repetitions of a visit have in common. */
    Visit cell() {
      return new Visit(subject, span, depth, 0);
    }
  }

  private List<Visit> plan() {
    List<Visit> plan = new ArrayList<>();
    long small = Math.min(WARM_UP_BYTES, Collections.min(spans));
    for (int i = 0; i < options.warmUps; i++) {
      for (int depth : options.depths) {
        subjects.forEach(subject -> plan.add(new Visit(subject, small, depth, 0)));
      }
    }
    for (long span : spans) {
      for (int depth : options.depths) {
        List<NbdSubject> order = new ArrayList<>(subjects);
        for (int i = 1; i <= options.repeat; i++) {
          int repetition = i;
          order.forEach(subject -> plan.add(new Visit(subject, span, depth, repetition)));
          Collections.rotate(order, 1);
        }
      }
    }
    return plan;
  }

  private List<NbdRow> run(Map<NbdSubject, Engine> engines) throws IOException {
    List<Visit> plan = plan();
    Map<Visit, List<NbdRow.Pass>> passes = new LinkedHashMap<>();
    try (Progress progress = new Progress("nbd", plan.size())) {
      for (int i = 0; i < plan.size(); i++) {
        Visit visit = plan.get(i);
        progress.note(visit.subject.title() + (visit.repetition == 0 ? ", warm-up" : ""));
        NbdRow.Pass pass = visit(visit, engines);
        if (visit.repetition > 0) {
          passes.computeIfAbsent(visit.cell(), any -> new ArrayList<>()).add(pass);
        }
        progress.at(i + 1);
      }
    }
    List<NbdRow> rows = new ArrayList<>();
    passes.forEach((cell, found) -> rows.add(cell.row(found)));
    return rows;
  }

  private NbdRow.Pass visit(Visit visit, Map<NbdSubject, Engine> engines) throws IOException {
    Engine engine = engines.get(visit.subject);
    if (engine != null) {
      engine.target.renew(visit.span);
      Path run = engine.place.run().resolve(Fio.PROGRAM);
      Fio fio = new Fio(run, engine.target.socket(), EngineProcess.EXPORT);
      return pass(visit, engine.target, engine.place, fio, 0);
    }
    try (Workplace place = new Workplace(options.directory);
        PeerProcess peer =
            PeerProcess.start(visit.subject.peer().orElseThrow(), place, visit.span)) {
      Fio fio = new Fio(place.run().resolve(Fio.PROGRAM), peer.socket(), "");
      int maxSeconds = visit.subject == NbdSubject.NULL ? 0 : options.peerSeconds;
      return pass(visit, peer, place, fio, maxSeconds);
    }
  }

  private NbdRow.Pass pass(Visit visit, Provider server, Workplace place, Fio fio, int maxSeconds)
      throws IOException {
    Usage before = server.usage();
    long seed = 2 * (options.seed * 1_000 + visit.repetition);
    long blocks = visit.span / Fio.REQUEST_BYTES;
    Fio.Result writes =
        fio.run(new Fio.Phase(Fio.Kind.WRITE, visit.span, visit.depth, blocks, maxSeconds, seed));
    // Where the writes ended early only what they wrote is read: the same seed finds it again.
    long readSeed = writes.requests() == blocks ? seed + 1 : seed;
    Fio.Result reads =
        fio.run(
            new Fio.Phase(
                Fio.Kind.READ, visit.span, visit.depth, writes.requests(), maxSeconds, readSeed));
    server.settle();
    Usage used = server.usage().since(before);
    ChildProcess.output(
        Files.createDirectories(place.run().resolve("sync")),
        List.of("sync", "-f", place.data().toString()));
    return new NbdRow.Pass(writes, reads, used.cpuSeconds());
  }

  /** A process of the engine with its directories. */
  private final class Engine implements AutoCloseable {
    final Workplace place;
    final EngineTarget target;

    Engine(NbdSubject subject) throws IOException {
      place = new Workplace(options.directory);
      boolean started = false;
      try {
        target =
            new EngineTarget(
                place,
                options.memoryBudgetBytes,
                subject.durability().orElseThrow(),
                new Workload(1 << 20, 1, options.seed),
                false);
        started = true;
      } finally {
        if (!started) {
          place.close();
        }
      }
    }

    @Override
    public void close() throws IOException {
      try (place) {
        target.close();
      }
    }
  }
}
