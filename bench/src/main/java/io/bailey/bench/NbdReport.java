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
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The figures of a run of {@code bench nbd}, as a table, as JSON and as bars. */
final class NbdReport {
  private final List<NbdRow> rows;
  private final List<String> left;
  private final NbdBenchmark.Options options;

  /**
   * @param left out, each with its reason
   */
  NbdReport(List<NbdRow> rows, List<String> left, NbdBenchmark.Options options) {
    this.rows = rows;
    this.left = left;
    this.options = options;
  }

  /** Lines for people. */
  List<String> lines() {
    Table table =
        new Table(
            "disk",
            ">span",
            ">depth",
            ">writes/s",
            ">× null",
            ">p99 µs",
            ">reads/s",
            ">× null",
            ">p99 µs",
            ">CPU s/100k");
    for (NbdRow row : rows) {
      table.row(
          row.subject().title(),
          ByteSize.format(row.spanBytes()),
          Integer.toString(row.depth()),
          number("%,.0f", row.writesPerSecond()) + (row.endedEarly() ? "*" : " "),
          ratio(row, NbdRow::writesPerSecond).map(r -> number("%.2f", r)).orElse("-"),
          number("%,.0f", row.median(pass -> pass.writes().p99Micros())),
          number("%,.0f", row.readsPerSecond()),
          ratio(row, NbdRow::readsPerSecond).map(r -> number("%.2f", r)).orElse("-"),
          number("%,.0f", row.median(pass -> pass.reads().p99Micros())),
          number("%.2f", row.median(NbdRow.Pass::cpuSecondsPer100k)));
    }
    List<String> lines = new ArrayList<>(table.lines());
    lines.add("");
    if (!aims().isEmpty()) {
      lines.addAll(Figure.lines(aims()));
      lines.add("");
    }
    lines.add(
        "Medians of "
            + options.repeat()
            + ", the disks in turn. fio, 4 KiB, "
            + Fio.COMPRESSIBLE_PERCENT
            + " % of each block compressible and all data fresh (refill_buffers); each time a"
            + " fresh disk, written all over, then at once read all over in another order; no"
            + " flush.");
    lines.add(
        options.warmUps()
            + " × the same first, not counted, so that no disk pays for compiling code. Bailey's"
            + " process stays, the others' are new each time. CPU is the server's alone, its"
            + " background work included.");
    if (rows.stream().anyMatch(NbdRow::endedEarly)) {
      lines.add(
          "*: writes ended after "
              + options.peerSeconds()
              + " s, and only what they wrote was read.");
    }
    left.forEach(reason -> lines.add("left out: " + reason));
    return lines;
  }

  private List<Figure> aims() {
    List<Figure> aims = new ArrayList<>();
    for (NbdRow row : rows) {
      Optional<Double> aim = row.subject().aim(row.depth());
      Optional<Double> writes = ratio(row, NbdRow::writesPerSecond);
      Optional<Double> reads = ratio(row, NbdRow::readsPerSecond);
      if (aim.isPresent() && writes.isPresent() && reads.isPresent()) {
        aims.add(Figure.once(name(row) + ": writes", "× null", writes.get()).atLeast(aim.get()));
        aims.add(Figure.once(name(row) + ": reads", "× null", reads.get()).atLeast(aim.get()));
      }
    }
    return aims;
  }

  /** A row's figure as a part of the null export's beside it; empty where that wasn't measured. */
  private Optional<Double> ratio(NbdRow row, ToDoubleFunction<NbdRow> figure) {
    return rows.stream()
        .filter(
            other ->
                other.subject() == NbdSubject.NULL
                    && other.spanBytes() == row.spanBytes()
                    && other.depth() == row.depth())
        .findFirst()
        .map(other -> figure.applyAsDouble(row) / figure.applyAsDouble(other));
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  /** Writes {@code nbd.json}, {@code nbd.svg} and {@code nbd.png}. */
  void write(Path directory) throws IOException {
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("benchmark", "nbd");
    run.put("at", Instant.now().toString());
    run.put("machine", Machine.describe());
    run.put("repeat", options.repeat());
    run.put("warmUps", options.warmUps());
    run.put("seed", options.seed());
    run.put("memoryBudgetBytes", options.memoryBudgetBytes());
    run.put("compressiblePercent", Fio.COMPRESSIBLE_PERCENT);
    run.put("rows", rows.stream().map(this::json).toList());
    run.put("aims", aims().stream().map(Figure::json).toList());
    run.put("leftOut", left);
    Files.writeString(directory.resolve("nbd.json"), Json.line(run) + "\n");
    new Plot("fio over NBD: 4 KiB random writes, then reads", "requests a second")
        .series("writes/s", names(), rows.stream().map(NbdRow::writesPerSecond).toList())
        .series("reads/s", names(), rows.stream().map(NbdRow::readsPerSecond).toList())
        .write(directory.resolve("nbd"));
  }

  private Map<String, @Nullable Object> json(NbdRow row) {
    Map<String, @Nullable Object> json = row.json();
    json.put("writesToNull", ratio(row, NbdRow::writesPerSecond).orElse(null));
    json.put("readsToNull", ratio(row, NbdRow::readsPerSecond).orElse(null));
    return json;
  }

  private List<String> names() {
    return rows.stream().map(NbdReport::name).toList();
  }

  private static String name(NbdRow row) {
    return "%s, %s, depth %d"
        .formatted(row.subject().title(), ByteSize.format(row.spanBytes()), row.depth());
  }
}
