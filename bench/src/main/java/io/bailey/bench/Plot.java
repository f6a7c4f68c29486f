package io.bailey.bench;

import java.awt.Dimension;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGraphics2D;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;
import org.w3c.dom.Document;

/** Figures as bars. Needs no display. */
final class Plot {
  private static final int WIDTH = 1400;
  private static final int HEIGHT = 800;

  private static final String SVG = "http://www.w3.org/2000/svg";

  private final CategoryChart chart;

  Plot(String title, String yAxis) {
    System.setProperty("java.awt.headless", "true");
    chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .yAxisTitle(yAxis)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    chart.getStyler().setXAxisLabelRotation(30);
    chart.getStyler().setYAxisDecimalPattern("#,###");
  }

  /** Adds a bar beside the others of each name. */
  Plot series(String title, List<String> names, List<Double> values) {
    chart.addSeries(title, names, values.stream().map(v -> (double) Math.round(v)).toList());
    return this;
  }

  /** Writes {@code base}.svg and {@code base}.png. */
  void write(Path base) throws IOException {
    write(chart, base);
  }

  /** Writes any chart as {@code base}.svg and {@code base}.png. */
  static void write(Chart<?, ?> chart, Path base) throws IOException {
    ChartEncoder.saveChart(chart, base + ".png", "png");
    SVGGraphics2D graphics = new SVGGraphics2D(document());
    graphics.setSVGCanvasSize(new Dimension(chart.getWidth(), chart.getHeight()));
    chart.paint(graphics, chart.getWidth(), chart.getHeight());
    try (Writer out = Files.newBufferedWriter(Path.of(base + ".svg"), StandardCharsets.UTF_8)) {
      graphics.stream(out, true);
    } finally {
      graphics.dispose();
    }
  }

  private static Document document() {
    try {
      return DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .getDOMImplementation()
          .createDocument(SVG, "svg", null);
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("every JDK has a builder of documents", e);
    }
  }
}
