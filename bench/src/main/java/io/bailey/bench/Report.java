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
import org.jspecify.annotations.Nullable;

/** The figures of a run of {@code bench random}, as a table and as JSON. */
final class Report {
  private final Workload workload;
  private final List<Row> rows;
  private final List<String> left;

  /**
   * @param left out, each with its reason
   */
  Report(Workload workload, List<Row> rows, List<String> left) {
    this.workload = workload;
    this.rows = rows;
    this.left = left;
  }

  List<Row> rows() {
    return rows;
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
    for (Row row : rows) {
      RoundRun.Times first = row.rounds().getFirst();
      RoundRun.Times last = row.rounds().getLast();
      boolean early = row.rounds().stream().anyMatch(t -> t.operations() < workload.operations());
      table.row(
          row.subject().title(),
          row.rounds().size() + (early ? "*" : " "),
          number("%,.0f", row.median(RoundRun.Times::writesPerSecond)),
          number("%,.0f", first.writesPerSecond()),
          number("%,.0f", last.writesPerSecond()),
          number("%,.0f", row.median(RoundRun.Times::readsPerSecond)),
          number("%,.0f", first.readsPerSecond()),
          number("%,.0f", last.readsPerSecond()),
          ByteSize.format(row.storedBytes()),
          Long.toString(row.files()),
          number("%.2f", row.bytesPerGuestByte()),
          number("%.2f", row.bytesPerPackedByte()),
          optional(row.hostWritesPerWrite(), value -> number("%.4f", value)),
          optional(row.bytesPerHostWrite(), value -> ByteSize.format((long) value)),
          number("%.2f", row.cpuSecondsPer100k()),
          ByteSize.format(row.usage().residentBytes()));
    }
    List<String> lines = new ArrayList<>(table.lines());
    lines.add("");
    lines.add(
        "writes/s and reads/s: the median of the rounds. packed: bytes written per guest byte after"
            + " compression.");
    lines.add("CPU: of the disk's process; in-process that includes making and checking the data.");
    if (lines.stream().anyMatch(line -> line.contains("*"))) {
      lines.add("*: rounds that ended before all operations were done, for they took too long.");
    }
    left.forEach(reason -> lines.add("left out: " + reason));
    return lines;
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
    run.put("rows", rows.stream().map(Row::json).toList());
    run.put("leftOut", left);
    Files.writeString(file, Json.line(run) + "\n");
  }
}
