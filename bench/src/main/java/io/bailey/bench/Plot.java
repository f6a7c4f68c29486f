package io.bailey.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.style.Styler;

/** Draws the table's rates as bars. Needs no display. */
final class Plot {
  private static final int WIDTH = 1400;
  private static final int HEIGHT = 800;

  private Plot() {}

  /** Writes {@code base}.svg and {@code base}.png. */
  static void write(Report report, Path base) throws IOException {
    System.setProperty("java.awt.headless", "true");
    List<String> names = report.rows().stream().map(row -> row.subject().title()).toList();
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("Random writes, then reads of the same addresses (median of rounds)")
            .yAxisTitle("requests a second")
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    chart.getStyler().setXAxisLabelRotation(30);
    chart.getStyler().setYAxisDecimalPattern("#,###");
    chart.addSeries("writes/s", names, rates(report, RoundRun.Times::writesPerSecond));
    chart.addSeries("reads/s", names, rates(report, RoundRun.Times::readsPerSecond));
    ChartEncoder.saveChart(chart, base + ".svg", "svg");
    ChartEncoder.saveChart(chart, base + ".png", "png");
  }

  private static List<Double> rates(
      Report report, java.util.function.ToDoubleFunction<RoundRun.Times> figure) {
    return report.rows().stream().map(row -> (double) Math.round(row.median(figure))).toList();
  }
}
