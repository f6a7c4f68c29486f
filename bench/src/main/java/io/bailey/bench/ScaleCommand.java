package io.bailey.bench;

import io.bailey.cli.ByteSize;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures large disks and many volumes. */
@Command(
    name = "scale",
    sortOptions = false,
    description = {
      "Measure what must not grow with a disk or with the number of volumes: forks of a large image"
          + " (fork), opening a store of many volumes (open), a daemon's memory with many idle"
          + " volumes (idle), and the largest volume there can be (large). Also opening a store"
          + " after a power cut with a long log (log).",
      "Prints a table, and writes scale.json."
    })
final class ScaleCommand implements Callable<Integer> {
  private static final int MAX_VOLUMES = 10_000;
  private static final int MAX_REPEAT = 100;

  /** A daemon sorts volumes past 4 GiB of log, or past a quarter of the room there is. */
  private static final long MAX_LOG_BYTES = 2L << 30;

  private static final long MAX_IMAGE_BYTES = 16L << 40;

  @Option(
      names = "--image",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Size of the image that is forked; 100G if not given.")
  private @Nullable ByteSize image;

  @Option(
      names = "--filled",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "How much of it holds data, which packs to an eighth; 10G if not given.")
  private @Nullable ByteSize filled;

  @Option(
      names = "--log",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Size of the log that a start reads; 1G if not given.")
  private @Nullable ByteSize log;

  @Option(
      names = "--volumes",
      paramLabel = "N",
      description = "Volumes to fork, to have in a store, and to serve; 1000 if not given.")
  private @Nullable Integer volumes;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      description = "How often each is measured, of which the median counts; 5 if not given.")
  private @Nullable Integer repeat;

  @Option(
      names = "--quick",
      description =
          "An image of 10G with 256M, a log of 64M, 100 volumes, each measured twice, for a first look.")
  private boolean quick;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "PART",
      description = "Only these of: ${COMPLETION-CANDIDATES}.")
  private List<ScalePart> only = List.of();

  @Mixin private final CommonOptions common = new CommonOptions();

  @Override
  public Integer call() throws IOException {
    ScaleBenchmark.Options options =
        new ScaleBenchmark.Options(
            image != null ? image.bytes() : quick ? 10L << 30 : 100L << 30,
            filled != null ? filled.bytes() : quick ? 256L << 20 : 10L << 30,
            log != null ? log.bytes() : quick ? 64L << 20 : 1L << 30,
            volumes != null ? volumes : quick ? 100 : 1000,
            repeat != null ? repeat : quick ? 2 : 5,
            common.memoryBudgetBytes(),
            common.directory());
    common.require(
        options.imageBytes() <= MAX_IMAGE_BYTES
            && options.imageBytes() % SparseDisk.EXTENT_BYTES == 0
            && options.filledBytes() >= SparseDisk.EXTENT_BYTES
            && options.filledBytes() <= options.imageBytes(),
        "--image is a multiple of 4M, at most 16T, and --filled 4M to that");
    common.require(
        options.logBytes() >= 1 << 20 && options.logBytes() <= MAX_LOG_BYTES,
        "--log is 1M to " + ByteSize.format(MAX_LOG_BYTES));
    common.require(
        options.volumes() >= 1 && options.volumes() <= MAX_VOLUMES,
        "--volumes is 1 to " + MAX_VOLUMES);
    common.require(
        options.repeat() >= 1 && options.repeat() <= MAX_REPEAT, "--repeat is 1 to " + MAX_REPEAT);
    Set<ScalePart> parts = only.isEmpty() ? EnumSet.allOf(ScalePart.class) : EnumSet.copyOf(only);
    Path out = common.out();
    ScaleBenchmark benchmark = new ScaleBenchmark(options);
    benchmark.failIfDiskTooSmall(parts);
    List<Figure> figures = new ArrayList<>();
    for (ScalePart part : parts) {
      figures.addAll(benchmark.measure(part));
    }
    ScaleReport report = new ScaleReport(figures, options);
    common.print(report.lines());
    report.writeJson(out.resolve("scale.json"));
    return 0;
  }
}
