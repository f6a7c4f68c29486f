package io.bailey.bench;

import io.bailey.cli.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The figures of a run of {@code bench scale}, as a table and as JSON. */
record ScaleReport(List<Figure> figures, ScaleBenchmark.Options options) {
  /** Lines for people. */
  List<String> lines() {
    return Figure.lines(figures);
  }

  void writeJson(Path file) throws IOException {
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("benchmark", "scale");
    run.put("at", Instant.now().toString());
    run.put("machine", Machine.describe());
    run.put("imageBytes", options.imageBytes());
    run.put("filledBytes", options.filledBytes());
    run.put("volumes", options.volumes());
    run.put("repeat", options.repeat());
    run.put("memoryBudgetBytes", options.memoryBudgetBytes());
    run.put("figures", figures.stream().map(Figure::json).toList());
    Files.writeString(file, Json.line(run) + "\n");
  }
}
