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
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The figures of a run of {@code bench fleet}, as a table, as JSON and drawn over time. */
final class FleetReport {
  private static final int WIDTH = 1400;
  private static final int HEIGHT = 700;

  private final FleetBenchmark.Setting setting;
  private final List<FleetRow> rows;

  FleetReport(FleetBenchmark.Setting setting, List<FleetRow> rows) {
    this.setting = setting;
    this.rows = rows;
  }

  /** Lines for people. */
  List<String> lines() {
    Table table =
        new Table(
            "disks",
            ">volumes",
            ">seconds",
            ">writes/s",
            ">of asked",
            ">flushes/s",
            ">p50 ms",
            ">p99 ms",
            ">max ms",
            ">host writes/s",
            ">host reads/s",
            ">flushes/s",
            ">written/s");
    for (FleetRow row : rows) {
      FleetLoad.Result result = row.result();
      double asked = (double) row.volumes() * setting.writesPerSecond();
      table.row(
          row.title(),
          Integer.toString(row.volumes()),
          Integer.toString(row.seconds()),
          number("%,.0f", result.writesPerSecond()),
          number("%.0f %%", 100 * result.writesPerSecond() / asked),
          number("%,.0f", result.flushes() / (double) row.seconds()),
          number("%,.1f", result.flushMillis(50)),
          number("%,.1f", result.flushMillis(99)),
          number("%,.1f", result.flushMillis(100)),
          number("%,.1f", row.disk().writes() / (double) row.seconds()),
          number("%,.1f", row.disk().reads() / (double) row.seconds()),
          number("%,.1f", row.disk().flushes() / (double) row.seconds()),
          ByteSize.format(row.disk().writtenBytes() / row.seconds()));
    }
    List<String> lines = new ArrayList<>(table.lines());
    lines.add("");
    lines.add("ms: how long a flush took. The noisy volume itself isn't counted.");
    rows.stream()
        .map(FleetRow::withoutLimit)
        .filter(reason -> !reason.isEmpty())
        .distinct()
        .forEach(reason -> lines.add("not held to any I/Os a second: " + reason));
    return lines;
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  void writeJson(Path file, String machine) throws IOException {
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("benchmark", "fleet");
    run.put("at", Instant.now().toString());
    run.put("machine", machine);
    run.put("volumes", setting.volumes());
    run.put("volumeBytes", setting.volumeBytes());
    run.put("writesPerSecondEach", setting.writesPerSecond());
    run.put("flushEvery", setting.flushEvery());
    run.put("warmUpSeconds", setting.warmUpSeconds());
    run.put("diskIops", setting.iops());
    run.put("diskBytesPerSecond", setting.bytesPerSecond());
    run.put("memoryBudgetBytes", setting.memoryBudgetBytes());
    run.put("seed", setting.seed());
    run.put("rows", rows.stream().map(FleetRow::json).toList());
    Files.writeString(file, Json.line(run) + "\n");
  }

  /** Draws writes a second, and flushes' p99, over time: each as SVG and PNG. */
  void plot(Path directory) throws IOException {
    System.setProperty("java.awt.headless", "true");
    draw(
        directory.resolve("fleet-iops"),
        "Writes of all clients",
        "writes a second",
        row -> IntStream.of(row.result().writes()).asDoubleStream().toArray());
    draw(
        directory.resolve("fleet-latency"),
        "Flushes, 99th percentile",
        "milliseconds",
        row -> row.result().flushMillisBySecond(99));
  }

  private void draw(Path base, String title, String axis, Function<FleetRow, double[]> figures)
      throws IOException {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("seconds")
            .yAxisTitle(axis)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setYAxisDecimalPattern("#,###");
    for (FleetRow row : rows) {
      double[] values = figures.apply(row);
      double[] times = IntStream.range(0, values.length).asDoubleStream().toArray();
      chart.addSeries(row.title(), times, values).setMarker(SeriesMarkers.NONE);
    }
    Plot.write(chart, base);
  }
}
