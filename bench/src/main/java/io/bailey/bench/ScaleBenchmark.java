package io.bailey.bench;

import io.bailey.cli.ByteSize;
import io.bailey.volume.Durability;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** Measures what must not grow with the size of a disk or the number of volumes. */
final class ScaleBenchmark {
  private static final int LOG_VOLUMES = 200;
  private static final double RECOVERY_MILLIS = 2000;
  private static final int VOLUME_BYTES = 64 << 10;
  private static final long LARGE_BYTES = 16L << 40;
  private static final double FORK_MILLIS = 5;
  private static final double OPEN_MILLIS = 1000;
  private static final double VOLUME_KIB = 200;
  private static final int MANY_VOLUMES = 500;
  private static final double MANY_VOLUMES_MIB = 512;

  private final Options options;

  /**
   * How to measure.
   *
   * @param imageBytes of the image that is forked
   * @param filledBytes of it that hold data
   * @param logBytes of the log that a start reads
   * @param volumes to fork, to have in a store, and at most to serve
   * @param repeat how often each thing is measured
   * @param directory for the stores
   */
  record Options(
      long imageBytes,
      long filledBytes,
      long logBytes,
      int volumes,
      int repeat,
      long memoryBudgetBytes,
      Path directory) {}

  ScaleBenchmark(Options options) {
    this.options = options;
  }

  /** Refuses where a store might not fit. */
  void failIfDiskTooSmall(Set<ScalePart> parts) throws IOException {
    long needed = 256L << 20;
    if (parts.contains(ScalePart.FORK)) {
      // The data packs to an eighth.
      needed = Math.max(needed, options.filledBytes / 4);
    }
    if (parts.contains(ScalePart.OPEN)) {
      needed = Math.max(needed, options.volumes * (VOLUME_BYTES + (64L << 10)));
    }
    Workplace.failIfTooSmall(options.directory, needed, "a smaller --filled");
  }

  List<Figure> measure(ScalePart part) throws IOException {
    return switch (part) {
      case FORK -> forks();
      case OPEN -> openings();
      case IDLE -> idle();
      case LARGE -> large();
      case LOG -> recoveries();
    };
  }

  private List<Figure> forks() throws IOException {
    String image =
        ByteSize.format(options.imageBytes)
            + ", "
            + ByteSize.format(options.filledBytes)
            + " of it filled";
    Map<String, List<List<Double>>> series;
    try (Workplace place = new Workplace(options.directory)) {
      // One series more: the first one runs code that isn't compiled yet.
      series =
          run(
              place,
              "forks of " + image,
              "fork",
              options.imageBytes,
              options.filledBytes,
              options.volumes,
              options.repeat + 1);
    }
    List<Figure> figures = new ArrayList<>();
    series.forEach(
        (durability, all) -> {
          String title =
              "fork of "
                  + image
                  + ", "
                  + (durability.equals(Durability.NONE.name()) ? "ephemeral" : "durable")
                  + ": ";
          figures.add(
              Figure.once(title + "1st in a fresh process", "ms", all.getFirst().getFirst()));
          List<List<Double>> warm = all.subList(1, all.size());
          for (int n = 1; n <= options.volumes; n *= 10) {
            figures.add(Figure.median(title + ordinal(n), "ms", nth(warm, n)).atMost(FORK_MILLIS));
          }
          List<Double> together = warm.stream().flatMap(List::stream).toList();
          figures.add(Figure.median(title + "median of all", "ms", together).atMost(FORK_MILLIS));
          figures.add(Figure.most(title + "slowest of all", "ms", together));
        });
    return figures;
  }

  private static String ordinal(int n) {
    return n == 1 ? "1st" : String.format(Locale.ROOT, "%,dth", n);
  }

  private static List<Double> nth(List<List<Double>> series, int n) {
    return series.stream().map(each -> each.get(n - 1)).toList();
  }

  private List<Figure> openings() throws IOException {
    List<Figure> figures = new ArrayList<>();
    for (int bytes : new int[] {0, VOLUME_BYTES}) {
      String what =
          "opening a store of %,d volumes, %s"
              .formatted(
                  options.volumes, bytes == 0 ? "empty" : "each with " + ByteSize.format(bytes));
      try (Workplace place = new Workplace(options.directory)) {
        run(
            place,
            "making " + what.substring(what.indexOf("a store")),
            "fill",
            options.volumes,
            bytes);
        List<Double> times = new ArrayList<>();
        for (int i = 0; i < options.repeat; i++) {
          times.add(only(run(place, what, "open", options.volumes), "open"));
        }
        figures.add(Figure.median(what, "ms", times).atMost(OPEN_MILLIS));
      }
    }
    return figures;
  }

  private static double only(Map<String, List<List<Double>>> found, String name)
      throws IOException {
    List<List<Double>> times = found.get(name);
    if (times == null) {
      throw new IOException("the process for it said nothing of " + name);
    }
    return times.getFirst().getFirst();
  }

  private List<Figure> idle() throws IOException {
    List<Figure> figures = new ArrayList<>();
    int[] counts =
        IntStream.of(1, 100, MANY_VOLUMES, 1000, options.volumes)
            .filter(n -> n <= options.volumes)
            .sorted()
            .distinct()
            .toArray();
    Resident[] one = new Resident[2];
    for (int count : counts) {
      Resident[] found = residents(count);
      for (int attached = 0; attached < 2; attached++) {
        Resident now = found[attached];
        String what =
            "%,d idle volumes, %s: "
                .formatted(count, attached == 0 ? "no clients" : "a client each");
        Figure all = Figure.once(what + "resident", "MiB", now.rss() / 1024.0);
        figures.add(count == MANY_VOLUMES ? all.atMost(MANY_VOLUMES_MIB) : all);
        figures.add(Figure.once(what + "proportional", "MiB", now.pss() / 1024.0));
        figures.add(Figure.once(what + "of it shared memory", "MiB", now.shmem() / 1024.0));
        if (count == 1) {
          one[attached] = now;
        } else {
          double each = (double) (now.rss() - one[attached].rss()) / (count - 1);
          figures.add(Figure.once(what + "more than one, each", "KiB", each).atMost(VOLUME_KIB));
        }
      }
    }
    return figures;
  }

  /** What a daemon with so many volumes takes, without clients and with one for each. */
  private Resident[] residents(int count) throws IOException {
    try (Workplace place = new Workplace(options.directory);
        Progress progress = new Progress("%,d idle volumes".formatted(count), 3)) {
      Path store = place.data().resolve("store");
      Path runDirectory = place.run().resolve("r");
      place.alsoDeleteMemoryOf(store);
      List<NbdDisk> clients = new ArrayList<>();
      List<String> command =
          ChildProcess.java(
              options.memoryBudgetBytes,
              IdleProcess.class,
              store.toString(),
              runDirectory.toString(),
              Long.toString(options.memoryBudgetBytes),
              Integer.toString(count));
      // As the daemon does after 30 s.
      command.add(1, "-XX:G1PeriodicGCInterval=" + Resident.SETTLED_MILLIS / 2);
      try (ChildProcess child = ChildProcess.start(place.run(), command)) {
        if (!"ready".equals(child.process().inputReader(StandardCharsets.UTF_8).readLine())) {
          throw child.failed("ended early");
        }
        progress.at(1);
        Resident alone = Resident.settled(child.process().pid());
        progress.at(2);
        try {
          for (int i = 0; i < count; i++) {
            String volume = IdleProcess.volume(i);
            Path socket = runDirectory.resolve("nbd").resolve(volume).resolve("nbd.sock");
            clients.add(NbdDisk.connect(socket, volume, 1));
          }
          return new Resident[] {alone, Resident.settled(child.process().pid())};
        } finally {
          for (NbdDisk client : clients) {
            client.close();
          }
        }
      }
    }
  }

  private List<Figure> large() throws IOException {
    Map<String, List<Double>> times = new LinkedHashMap<>();
    for (int i = 0; i < options.repeat; i++) {
      try (Workplace place = new Workplace(options.directory)) {
        run(place, "a volume of " + ByteSize.format(LARGE_BYTES), "large", LARGE_BYTES)
            .forEach(
                (name, found) ->
                    times
                        .computeIfAbsent(name, any -> new ArrayList<>())
                        .add(found.getFirst().getFirst()));
      }
    }
    List<Figure> figures = new ArrayList<>();
    times.forEach(
        (name, each) ->
            figures.add(
                Figure.median(
                    "a volume of " + ByteSize.format(LARGE_BYTES) + ": " + name, "ms", each)));
    return figures;
  }

  private List<Figure> recoveries() throws IOException {
    String what =
        "opening a store after a power cut, " + ByteSize.format(options.logBytes) + " of log";
    List<Double> times = new ArrayList<>();
    try (Workplace place = new Workplace(options.directory)) {
      run(place, "writing the log", "log", LOG_VOLUMES, options.logBytes);
      for (int i = 0; i < options.repeat; i++) {
        times.add(only(run(place, what, "recover", i), "open"));
      }
    }
    return List.of(Figure.median(what, "ms", times).atMost(RECOVERY_MILLIS));
  }

  /** Runs a process; returns the series of times that it said, by name. */
  private Map<String, List<List<Double>>> run(
      Workplace place, String title, String what, long... numbers) throws IOException {
    List<String> arguments = new ArrayList<>();
    arguments.add(place.data().resolve("store").toString());
    arguments.add(place.memory().toString());
    arguments.add(Long.toString(options.memoryBudgetBytes));
    arguments.add(what);
    for (long number : numbers) {
      arguments.add(Long.toString(number));
    }
    Map<String, List<List<Double>>> found = new LinkedHashMap<>();
    try (Progress progress = new Progress(title, 100);
        ChildProcess child =
            ChildProcess.start(
                place.run(),
                ChildProcess.java(
                    options.memoryBudgetBytes,
                    ScaleProcess.class,
                    arguments.toArray(String[]::new)));
        BufferedReader in = child.process().inputReader(StandardCharsets.UTF_8)) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        List<String> words = List.of(line.split(" ", -1));
        if (words.getFirst().equals("progress")) {
          progress.at(100 * Long.parseLong(words.get(1)) / Long.parseLong(words.get(2)));
        } else {
          found
              .computeIfAbsent(words.get(1), any -> new ArrayList<>())
              .add(words.stream().skip(2).map(Double::valueOf).toList());
        }
      }
      child.awaitSuccess();
    }
    return found;
  }
}
