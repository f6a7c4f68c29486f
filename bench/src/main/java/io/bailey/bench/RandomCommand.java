package io.bailey.bench;

import io.bailey.cli.ByteSize;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

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
  private static final int MAX_REPEAT = 100;

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
      names = "--warm-up",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Rounds on Bailey before those, on a volume that is then replaced; not counted. Default:"
              + " ${DEFAULT-VALUE}.")
  private int warmUps;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Runs of everything, the disks in turn, of which each round's median counts. Default:"
              + " ${DEFAULT-VALUE}.")
  private int repeat;

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
      names = "--peer-seconds",
      paramLabel = "N",
      defaultValue = "60",
      description =
          "End a round's writes on another disk after so long, done or not; 0 for never."
              + " Default: ${DEFAULT-VALUE}.")
  private int peerSeconds;

  @Mixin private final CommonOptions common = new CommonOptions();

  @Override
  public Integer call() throws IOException {
    int count = operations != null ? operations : quick ? 10_000 : 100_000;
    long size = span != null ? span.bytes() : quick ? 2L << 30 : 16L << 30;
    common.require(rounds >= 1 && rounds <= MAX_ROUNDS, "--rounds is 1 to " + MAX_ROUNDS);
    common.require(
        peerRounds >= 1 && peerRounds <= MAX_ROUNDS, "--peer-rounds is 1 to " + MAX_ROUNDS);
    common.require(repeat >= 1 && repeat <= MAX_REPEAT, "--repeat is 1 to " + MAX_REPEAT);
    common.require(warmUps >= 0 && warmUps <= MAX_ROUNDS, "--warm-up is 0 to " + MAX_ROUNDS);
    common.require(count >= 1, "--operations is at least 1");
    common.require(peerSeconds >= 0, "--peer-seconds is at least 0");
    common.require(
        size >= 1 << 20 && size <= MAX_SPAN_BYTES && size % Pattern.BLOCK_BYTES == 0,
        "--span is 1M to 1T, and whole blocks of 4096 bytes");
    Set<Subject> subjects = only.isEmpty() ? EnumSet.allOf(Subject.class) : EnumSet.copyOf(only);
    Path out = common.out();
    RandomBenchmark benchmark =
        new RandomBenchmark(
            new Workload(size, count, seed),
            quick ? 1 : rounds,
            quick ? 1 : peerRounds,
            warmUps,
            peerSeconds,
            common.memoryBudgetBytes(),
            common.directory());
    List<Subject> measured = new ArrayList<>();
    List<String> left = new ArrayList<>();
    for (Subject subject : subjects) {
      benchmark.reasonToLeaveOut(subject).ifPresentOrElse(left::add, () -> measured.add(subject));
    }
    if (measured.isEmpty()) {
      throw new IOException("nothing to measure: " + String.join("; ", left));
    }
    benchmark.failIfDiskTooSmall(measured);
    Map<Subject, List<RandomRun>> runs = new EnumMap<>(Subject.class);
    for (int i = 0; i < repeat; i++) {
      for (Subject subject : measured) {
        runs.computeIfAbsent(subject, any -> new ArrayList<>()).add(benchmark.measure(subject));
      }
    }
    List<Row> rows = new ArrayList<>();
    runs.forEach((subject, found) -> rows.add(new Row(subject, found)));
    Report report = new Report(new Workload(size, count, seed), warmUps, repeat, rows, left);
    common.print(report.lines());
    report.writeJson(out.resolve("random.json"), Machine.describe());
    report.plot(out.resolve("random"));
    return 0;
  }
}
