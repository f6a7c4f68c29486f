package io.bailey.bench;

import io.bailey.cli.ByteSize;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a fleet on a slow disk. */
@Command(
    name = "fleet",
    sortOptions = false,
    description = {
      "Write and flush many volumes at once on a disk that is held to few I/Os a second: Bailey's,"
          + " and qcow2 under qemu-nbd. Needs root, for a loop device, a mount and the limits.",
      "Prints a table, and writes fleet.json, and fleet-iops and fleet-latency as svg and png."
    })
final class FleetCommand implements Callable<Integer> {
  @Option(
      names = "--volumes",
      defaultValue = "200",
      description = "Volumes, with a client each. Default: ${DEFAULT-VALUE}.")
  private int volumes;

  @Option(
      names = "--rate",
      defaultValue = "100",
      paramLabel = "N",
      description = "Writes of 4 KiB a second of each. Default: ${DEFAULT-VALUE}.")
  private int rate;

  @Option(
      names = "--flush-every",
      defaultValue = "32",
      paramLabel = "N",
      description = "Writes between two flushes of a client. Default: ${DEFAULT-VALUE}.")
  private int flushEvery;

  @Option(
      names = "--seconds",
      defaultValue = "60",
      description = "How long to load Bailey. Default: ${DEFAULT-VALUE}.")
  private int seconds;

  @Option(
      names = "--warm-up",
      defaultValue = "5",
      paramLabel = "SECONDS",
      description =
          "How long to load the disks before that, without limits; what they then do in the"
              + " background is waited for. Default: ${DEFAULT-VALUE}.")
  private int warmUpSeconds;

  @Option(
      names = "--peer-seconds",
      defaultValue = "10",
      description = "How long to load qcow2; 0 leaves it out. Default: ${DEFAULT-VALUE}.")
  private int peerSeconds;

  @Option(
      names = "--noisy",
      description =
          "Measure once more beside one that writes at depth 256 with a flush after each write.")
  private boolean noisy;

  @Option(
      names = "--iops",
      defaultValue = "100",
      paramLabel = "N",
      description =
          "Reads, and as many writes, that the disk does a second; 0 for no limit."
              + " Default: ${DEFAULT-VALUE}.")
  private int iops;

  @Option(
      names = "--bandwidth",
      defaultValue = "100M",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Bytes a second that it reads and writes. Default: ${DEFAULT-VALUE}.")
  private ByteSize bandwidth = new ByteSize(100 << 20);

  @Option(
      names = "--size",
      defaultValue = "64M",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Size of a volume. Default: ${DEFAULT-VALUE}.")
  private ByteSize size = new ByteSize(64 << 20);

  @Option(
      names = "--disk-size",
      defaultValue = "16G",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Size of the disk, which takes what is written. Default: ${DEFAULT-VALUE}.")
  private ByteSize diskSize = new ByteSize(16L << 30);

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the addresses. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Mixin private final CommonOptions common = new CommonOptions();

  @Override
  public Integer call() throws IOException {
    common.require(volumes >= 1 && volumes <= 10_000, "--volumes is 1 to 10000");
    common.require(rate >= 1 && rate <= 100_000, "--rate is 1 to 100000");
    common.require(flushEvery >= FleetLoad.BURST, "--flush-every is at least " + FleetLoad.BURST);
    common.require(seconds >= 1 && seconds <= 86_400, "--seconds is 1 to 86400");
    common.require(peerSeconds >= 0 && peerSeconds <= 86_400, "--peer-seconds is 0 to 86400");
    common.require(warmUpSeconds >= 0 && warmUpSeconds <= 86_400, "--warm-up is 0 to 86400");
    common.require(iops >= 0, "--iops is at least 0");
    common.require(
        size.bytes() >= 1 << 20 && size.bytes() % Pattern.BLOCK_BYTES == 0,
        "--size is at least 1M, and whole blocks of 4096 bytes");
    if (!"root".equals(System.getProperty("user.name"))) {
      throw new IOException("only root may mount a file system and limit a disk: run it as root");
    }
    Path out = common.out();
    FleetBenchmark.Setting setting =
        new FleetBenchmark.Setting(
            volumes,
            size.bytes(),
            rate,
            flushEvery,
            warmUpSeconds,
            diskSize.bytes(),
            iops,
            bandwidth.bytes(),
            common.memoryBudgetBytes(),
            seed);
    FleetBenchmark benchmark = new FleetBenchmark(setting, common.directoryOr(Path.of("/dev/shm")));
    List<FleetRow> rows = new ArrayList<>();
    rows.add(benchmark.bailey(seconds, false));
    if (noisy) {
      rows.add(benchmark.bailey(seconds, true));
    }
    if (peerSeconds > 0 && PeerProcess.isInstalled("qemu-nbd")) {
      rows.add(benchmark.qcow2(peerSeconds));
    }
    FleetReport report = new FleetReport(setting, rows);
    common.print(report.lines());
    report.writeJson(out.resolve("fleet.json"), Machine.describe());
    report.plot(out);
    return 0;
  }
}
