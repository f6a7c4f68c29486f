package io.bailey.bench;

import io.bailey.cli.ByteSize;
import io.bailey.cli.Json;
import io.bailey.cli.Table;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The figures of a run of {@code bench random}, as a table and as JSON. */
final class Report {
  private final Workload workload;
  private final int warmUps;
  private final int repeat;
  private final List<Row> rows;
  private final List<String> left;

  /**
   * @param warmUps rounds on Bailey before those that count
   * @param repeat runs of each subject
   * @param left out, each with its reason
   */
  Report(Workload workload, int warmUps, int repeat, List<Row> rows, List<String> left) {
    this.workload = workload;
    this.warmUps = warmUps;
    this.repeat = repeat;
    this.rows = rows;
    this.left = left;
  }

  /** Lines for people. */
  List<String> lines() {
    Table table =
        new Table(
            "disk",
            ">rounds",
            ">writes/s",
            ">first",
            ">last",
            ">p99.9 ms",
            ">slowest",
            ">reads/s",
            ">first",
            ">last",
            ">stored",
            ">files",
            ">B/guest B",
            ">packed",
            ">I/Os/write",
            ">mean I/O",
            ">CPU s/100k",
            ">resident");
    rows.forEach(row -> table.row(cells(row)));
    List<String> lines = new ArrayList<>(table.lines());
    lines.add("");
    List<Figure> aims = RandomAims.of(workload, rows);
    if (!aims.isEmpty()) {
      lines.addAll(Figure.lines(aims));
      lines.add("");
    }
    lines.add(
        "Each round: the median of "
            + repeat
            + " runs on fresh disks. writes/s and reads/s: the median of the rounds. p99.9 and"
            + " slowest: of single writes, the slowest of all runs. packed: bytes written per guest"
            + " byte after compression.");
    lines.add(
        warmUps == 0
            ? "Bailey's processes are fresh: the first round is also that of a JVM that hasn't"
                + " compiled its code."
            : "Warm-up: "
                + warmUps
                + " of such rounds on another volume, not counted, in each of Bailey's processes.");
    lines.add("CPU: of the disk's process; in-process that includes making and checking the data.");
    if (rows.stream().anyMatch(this::endedEarly)) {
      lines.add("*: rounds that ended before all operations were done, for they took too long.");
    }
    left.forEach(reason -> lines.add("left out: " + reason));
    return lines;
  }

  private String[] cells(Row row) {
    List<Double> writes = row.each(RoundRun.Times::writesPerSecond);
    List<Double> reads = row.each(RoundRun.Times::readsPerSecond);
    return new String[] {
      row.subject().title(),
      row.rounds() + (endedEarly(row) ? "*" : " "),
      number("%,.0f", row.median(RoundRun.Times::writesPerSecond)),
      number("%,.0f", writes.getFirst()),
      number("%,.0f", writes.getLast()),
      row.timesWrites() ? number("%,.2f", row.median(RoundRun.Times::writeP999Millis)) : "-",
      row.timesWrites() ? number("%,.1f", row.slowestWriteMillis()) : "-",
      number("%,.0f", row.median(RoundRun.Times::readsPerSecond)),
      number("%,.0f", reads.getFirst()),
      number("%,.0f", reads.getLast()),
      ByteSize.format((long) row.ofRuns(RandomRun::storedBytes)),
      number("%.0f", row.ofRuns(RandomRun::files)),
      number("%.2f", row.ofRuns(RandomRun::bytesPerGuestByte)),
      number("%.2f", row.ofRuns(RandomRun::bytesPerPackedByte)),
      optional(row.ofRunsIfCounted(RandomRun::hostWritesPerWrite), value -> number("%.4f", value)),
      optional(
          row.ofRunsIfCounted(RandomRun::bytesPerHostWrite),
          value -> ByteSize.format((long) value)),
      number("%.2f", row.ofRuns(RandomRun::cpuSecondsPer100k)),
      ByteSize.format((long) row.ofRuns(run -> run.usage().residentBytes()))
    };
  }

  private boolean endedEarly(Row row) {
    return row.runs().stream()
        .flatMap(run -> run.rounds().stream())
        .anyMatch(times -> times.operations() < workload.operations());
  }

  private static String optional(OptionalDouble value, DoubleFunction<String> format) {
    return value.isPresent() ? format.apply(value.getAsDouble()) : "-";
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  void writeJson(Path file, String machine) throws IOException {
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("benchmark", "random");
    run.put("at", Instant.now().toString());
    run.put("machine", machine);
    run.put("spanBytes", workload.spanBytes());
    run.put("operationsPerRound", workload.operations());
    run.put("seed", workload.seed());
    run.put("warmUps", warmUps);
    run.put("repeat", repeat);
    run.put("rows", rows.stream().map(Row::json).toList());
    run.put("aims", RandomAims.of(workload, rows).stream().map(Figure::json).toList());
    run.put("leftOut", left);
    Files.writeString(file, Json.line(run) + "\n");
  }

  /** Draws the rates: {@code base}.svg and {@code base}.png. */
  void plot(Path base) throws IOException {
    List<String> names = rows.stream().map(row -> row.subject().title()).toList();
    new Plot(
            "Random writes, then reads of the same addresses (median of rounds)",
            "requests a second")
        .series("writes/s", names, rates(RoundRun.Times::writesPerSecond))
        .series("reads/s", names, rates(RoundRun.Times::readsPerSecond))
        .write(base);
  }

  private List<Double> rates(ToDoubleFunction<RoundRun.Times> figure) {
    return rows.stream().map(row -> row.median(figure)).toList();
  }
}
