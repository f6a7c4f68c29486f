package io.bailey.bench;

import io.bailey.cli.ByteSize;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures exports with fio. */
@Command(
    name = "nbd",
    sortOptions = false,
    description = {
      "Let fio write at random and read what was written, over NBD, on Bailey beside a null export"
          + " of qemu-storage-daemon, which stores nothing, and QEMU's own formats.",
      "Prints a table, and writes nbd.json, nbd.svg and nbd.png."
    })
final class NbdCommand implements Callable<Integer> {
  private static final long MAX_SPAN_BYTES = 1L << 40;
  private static final int MAX_REPEAT = 100;
  private static final int MAX_DEPTH = 1024;
  private static final int QUICK_PEER_SECONDS = 3;

  @Option(
      names = "--span",
      split = ",",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Sizes of the disks, which are written all over; 256M,2G if not given.")
  private List<ByteSize> spans = List.of();

  @Option(
      names = "--depth",
      split = ",",
      defaultValue = "32,1",
      paramLabel = "N",
      description = "Requests in flight. Default: ${DEFAULT-VALUE}.")
  private List<Integer> depths = List.of();

  @Option(
      names = "--repeat",
      paramLabel = "N",
      description = "Visits of each disk, of which the median counts; 5 if not given.")
  private @Nullable Integer repeat;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      defaultValue = "2",
      description = "Visits before those, not counted. Default: ${DEFAULT-VALUE}.")
  private int warmUps;

  @Option(names = "--quick", description = "One visit of disks of 64M, for a first look.")
  private boolean quick;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "DISK",
      description = "Only these of: ${COMPLETION-CANDIDATES}.")
  private List<NbdSubject> only = List.of();

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the order of the blocks, 0 to 1000000000. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--peer-seconds",
      paramLabel = "N",
      description =
          "End the writes and reads of qcow2 and vpc after so long, done or not; 0 for never, 20"
              + " if not given.")
  private @Nullable Integer peerSeconds;

  @Mixin private final CommonOptions common = new CommonOptions();

  @Override
  public Integer call() throws IOException {
    NbdBenchmark.Options options =
        new NbdBenchmark.Options(
            List.copyOf(depths),
            repeat != null ? repeat : quick ? 1 : 5,
            warmUps,
            peerSeconds != null ? peerSeconds : quick ? QUICK_PEER_SECONDS : 20,
            common.memoryBudgetBytes(),
            seed,
            common.directory());
    List<Long> sizes =
        spans.isEmpty()
            ? quick ? List.of(64L << 20) : List.of(256L << 20, 2L << 30)
            : spans.stream().map(ByteSize::bytes).toList();
    check(options, sizes);
    if (!PeerProcess.isInstalled(Fio.PROGRAM)) {
      throw new IOException("fio is not installed: on Debian, 'apt-get install fio'");
    }
    Set<NbdSubject> wanted =
        only.isEmpty() ? EnumSet.allOf(NbdSubject.class) : EnumSet.copyOf(only);
    List<NbdSubject> subjects = new ArrayList<>();
    List<String> left = new ArrayList<>();
    for (NbdSubject subject : wanted) {
      Optional<String> reason = NbdBenchmark.reasonToLeaveOut(subject);
      reason.ifPresentOrElse(left::add, () -> subjects.add(subject));
    }
    if (subjects.isEmpty()) {
      throw new IOException("nothing to measure: " + String.join("; ", left));
    }
    Path out = common.out();
    NbdBenchmark benchmark = new NbdBenchmark(subjects, sizes, options);
    benchmark.failIfDiskTooSmall();
    NbdReport report = new NbdReport(benchmark.run(), left, options);
    common.print(report.lines());
    report.write(out);
    return 0;
  }

  private void check(NbdBenchmark.Options options, List<Long> sizes) {
    common.require(
        options.repeat() >= 1 && options.repeat() <= MAX_REPEAT, "--repeat is 1 to " + MAX_REPEAT);
    common.require(warmUps >= 0 && warmUps <= MAX_REPEAT, "--warm-up is 0 to " + MAX_REPEAT);
    common.require(options.peerSeconds() >= 0, "--peer-seconds is at least 0");
    common.require(seed >= 0 && seed <= 1_000_000_000, "--seed is 0 to 1000000000");
    common.require(
        depths.stream().allMatch(depth -> depth >= 1 && depth <= MAX_DEPTH),
        "--depth is 1 to " + MAX_DEPTH);
    common.require(
        sizes.stream()
            .allMatch(s -> s >= 1 << 20 && s <= MAX_SPAN_BYTES && s % Fio.REQUEST_BYTES == 0),
        "--span is 1M to 1T, and whole blocks of 4096 bytes");
  }
}
