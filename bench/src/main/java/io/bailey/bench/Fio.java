package io.bailey.bench;

import io.bailey.cli.Json;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * fio as a client of an NBD export: random requests of 4 KiB that cover a span, each block once.
 *
 * <p>The same options for every disk. Half of each block that is written is random and half of it
 * zeros, made afresh for each request: data as compressible as a guest's, and none of it twice.
 */
final class Fio {
  static final String PROGRAM = "fio";
  static final int REQUEST_BYTES = 4096;
  static final int COMPRESSIBLE_PERCENT = 50;

  private final Path run;
  private final String uri;

  /**
   * @param run for what fio complains of
   * @param export its name
   */
  Fio(Path run, Path socket, String export) throws IOException {
    this.run = Files.createDirectories(run);
    try {
      String path = new URI(null, null, socket.toString(), null).getRawPath();
      uri = "nbd+unix:///" + export + "?socket=" + path;
    } catch (URISyntaxException e) {
      throw new IOException("no URI for " + socket, e);
    }
  }

  /** What is asked of a disk. */
  enum Kind {
    WRITE,
    READ;

    private String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A phase to run.
   *
   * @param requests at most; as many as the span has blocks cover it
   * @param maxSeconds after which it ends; 0 for never
   * @param seed of the order of the blocks: with the same one, the same blocks come first
   */
  record Phase(Kind kind, long spanBytes, int depth, long requests, int maxSeconds, long seed) {}

  /**
   * What fio measured.
   *
   * @param p99Micros latency that 99 of 100 requests stay below
   */
  record Result(long requests, double perSecond, double p99Micros) {}

  Result run(Phase phase) throws IOException {
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            PROGRAM,
            "--name=" + phase.kind.word(),
            "--ioengine=nbd",
            "--uri=" + uri,
            "--rw=rand" + phase.kind.word(),
            "--bs=" + REQUEST_BYTES,
            "--size=" + phase.spanBytes,
            "--number_ios=" + phase.requests,
            "--iodepth=" + phase.depth,
            "--buffer_compress_percentage=" + COMPRESSIBLE_PERCENT,
            "--refill_buffers=1",
            "--randseed=" + phase.seed,
            "--eta=never",
            "--output-format=json"));
    if (phase.maxSeconds > 0) {
      command.add("--runtime=" + phase.maxSeconds);
    }
    String said = ChildProcess.output(run, command);
    // A warning may stand before the JSON.
    Map<?, ?> report = Json.map(said.substring(Math.max(0, said.indexOf('{'))));
    if (!(report.get("jobs") instanceof List<?> jobs
        && jobs.getFirst() instanceof Map<?, ?> job
        && job.get(phase.kind.word()) instanceof Map<?, ?> figures)) {
      throw new IOException("fio reports no " + phase.kind.word());
    }
    if (number(job, "error") != 0) {
      throw new IOException("fio's " + phase.kind.word() + "s failed: error " + job.get("error"));
    }
    return new Result(
        (long) number(figures, "total_ios"), number(figures, "iops"), p99Nanos(figures) / 1000);
  }

  private static double p99Nanos(Map<?, ?> figures) throws IOException {
    return figures.get("clat_ns") instanceof Map<?, ?> latency
            && latency.get("percentile") instanceof Map<?, ?> percentiles
        ? number(percentiles, "99.000000")
        : 0;
  }

  private static double number(Map<?, ?> object, String name) throws IOException {
    if (object.get(name) instanceof Number number) {
      return number.doubleValue();
    }
    throw new IOException("fio reports no " + name);
  }
}
