package io.bailey.bench;

import io.bailey.cli.ByteSize;
import io.bailey.daemon.DefaultPlaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures random writes and reads. */
@Command(
    name = "random",
    sortOptions = false,
    description = {
      "Write at random, read the same back, and check every byte; on Bailey and on what else is"
          + " installed (qemu-nbd, nbdkit).",
      "Prints a table, and writes random.json, random.svg and random.png."
    })
final class RandomCommand implements Callable<Integer> {
  private static final long MAX_SPAN_BYTES = 1L << 40;
  private static final int MAX_ROUNDS = 1000;

  @Option(
      names = "--rounds",
      defaultValue = "10",
      description = "Rounds on Bailey, each with addresses of its own. Default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--peer-rounds",
      defaultValue = "3",
      description = "Rounds on the others, which take longer. Default: ${DEFAULT-VALUE}.")
  private int peerRounds;

  @Option(
      names = "--operations",
      paramLabel = "N",
      description = "Writes, and as many reads, in a round; 100000 where it isn't given.")
  private @Nullable Integer operations;

  @Option(
      names = "--span",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Size of the disk; 16G where it isn't given.")
  private @Nullable ByteSize span;

  @Option(names = "--quick", description = "One round of 10000 operations on 2G, for a first look.")
  private boolean quick;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "DISK",
      description = "Only these of: ${COMPLETION-CANDIDATES}.")
  private List<Subject> only = List.of();

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the addresses. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Bailey's memory budget; as the daemon's where it isn't given.")
  private @Nullable ByteSize memory;

  @Option(
      names = "--peer-seconds",
      paramLabel = "N",
      defaultValue = "60",
      description =
          "End a round's writes on another disk after so long, done or not; 0 for never."
              + " Default: ${DEFAULT-VALUE}.")
  private int peerSeconds;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description = "Where the disks go, each deleted once measured; else the temporary directory.")
  private @Nullable Path directory;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = ".",
      description = "Where the reports go. Default: the working directory.")
  private Path out = Path.of(".");

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws IOException {
    int count = operations != null ? operations : quick ? 10_000 : 100_000;
    long size = span != null ? span.bytes() : quick ? 2L << 30 : 16L << 30;
    require(rounds >= 1 && rounds <= MAX_ROUNDS, "--rounds is 1 to " + MAX_ROUNDS);
    require(peerRounds >= 1 && peerRounds <= MAX_ROUNDS, "--peer-rounds is 1 to " + MAX_ROUNDS);
    require(count >= 1, "--operations is at least 1");
    require(peerSeconds >= 0, "--peer-seconds is at least 0");
    require(
        size >= 1 << 20 && size <= MAX_SPAN_BYTES && size % Pattern.BLOCK_BYTES == 0,
        "--span is 1M to 1T, and whole blocks of 4096 bytes");
    Set<Subject> subjects = only.isEmpty() ? EnumSet.allOf(Subject.class) : EnumSet.copyOf(only);
    Files.createDirectories(out);
    RandomBenchmark benchmark =
        new RandomBenchmark(
            new Workload(size, count, seed),
            quick ? 1 : rounds,
            quick ? 1 : peerRounds,
            peerSeconds,
            memory == null ? DefaultPlaces.memoryBudgetBytes() : memory.bytes(),
            directory == null ? Path.of(System.getProperty("java.io.tmpdir")) : directory);
    List<Row> rows = new ArrayList<>();
    List<String> left = new ArrayList<>();
    for (Subject subject : subjects) {
      benchmark.reasonToLeaveOut(subject).ifPresent(left::add);
    }
    benchmark.failIfDiskTooSmall(subjects);
    for (Subject subject : subjects) {
      if (benchmark.reasonToLeaveOut(subject).isEmpty()) {
        rows.add(benchmark.measure(subject));
      }
    }
    if (rows.isEmpty()) {
      throw new IOException("nothing to measure: " + String.join("; ", left));
    }
    Report report = new Report(new Workload(size, count, seed), rows, left);
    report.lines().forEach(spec.commandLine().getOut()::println);
    spec.commandLine().getOut().flush();
    report.writeJson(out.resolve("random.json"), Machine.describe());
    Plot.write(report, out.resolve("random"));
    return 0;
  }

  private void require(boolean holds, String message) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }
}
