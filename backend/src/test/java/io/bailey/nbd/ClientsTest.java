package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The programs that people use with NBD, against a real socket. */
@Timeout(60)
class ClientsTest {
  private static final long MIB = 1 << 20;

  @TempDir Path temp = Path.of("");
  private ServedDisk served;

  @BeforeEach
  void serve() throws IOException {
    served = new ServedDisk(new MemoryDisk(64 * MIB));
  }

  @AfterEach
  void stop() throws IOException {
    served.close();
  }

  @Test
  void nbdinfoSeesEverythingThatIsOffered() throws IOException {
    String json = Tool.run("nbdinfo", "--json", served.uri()).out();
    assertThat(json)
        .contains("\"export-name\": \"disk\"", "\"description\": \"a test\"")
        .contains("\"export-size\": 67108864", "\"block_size_minimum\": 1")
        .contains("\"block_size_preferred\": 4096", "\"block_size_maximum\": 33554432")
        .contains("\"base:allocation\"", "\"structured\": true");
    for (String can :
        List.of(
            "flush",
            "fua",
            "zero",
            "fast-zero",
            "df",
            "cache",
            "multi-conn",
            "trim",
            "structured-reply")) {
      Tool.run("nbdinfo", "--can", can, served.uri());
    }
    assertThat(
            Tool.tryRun(
                    Duration.ofSeconds(20), List.of("nbdinfo", "--is", "read-only", served.uri()))
                .exitCode())
        .isEqualTo(2);
    assertThat(Tool.run("nbdinfo", "--list", served.uri()).out()).contains("export=\"disk\"");
  }

  @Test
  void nbdinfoMapsDataZerosAndHoles() throws IOException {
    Tool.run(
        "qemu-io",
        "-f",
        "raw",
        "-c",
        "write -P 7 0 64k",
        "-c",
        "write -z 1M 1M",
        "-c",
        "flush",
        served.uri());
    String map = Tool.run("nbdinfo", "--map", served.uri()).out();
    List<List<String>> rows = new ArrayList<>();
    map.lines().forEach(line -> rows.add(List.of(line.trim().split("\\s+"))));
    assertThat(rows)
        .extracting(row -> row.subList(0, 3))
        .containsExactly(
            List.of("0", "65536", "0"),
            List.of("65536", "983040", "3"),
            List.of("1048576", "1048576", "2"),
            List.of("2097152", "65011712", "3"));
  }

  @Test
  void qemuIoReadsWhatItWroteDiscardedAndZeroed() throws IOException {
    String out =
        Tool.run(
                "qemu-io",
                "-f",
                "raw",
                "-c",
                "write -P 7 0 64k",
                "-c",
                "flush",
                "-c",
                "discard 0 64k",
                "-c",
                "read -P 0 0 64k",
                "-c",
                "write -z -u 1M 1M",
                "-c",
                "write -P 3 1000 3000",
                "-c",
                "read -P 3 1000 3000",
                "-c",
                "read -P 0 4000 512",
                "-c",
                "write -f -P 9 5M 3M",
                "-c",
                "read -P 9 5M 3M",
                "-c",
                "map",
                served.uri())
            .out();
    assertThat(out).doesNotContain("failed").doesNotContain("error");
    assertThat(served.disk().calls()).contains("flush", "trim 0 65536");
  }

  @Test
  void qemuImgConvertsAndComparesThroughTheExport() throws IOException {
    Path raw = temp.resolve("raw");
    Files.write(raw, TestBytes.sparse(16 * (int) MIB));
    Tool.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", raw.toString(), served.uri());
    // The export is longer than the file: its rest must be zeros.
    assertThat(
            Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw.toString(), served.uri())
                .out())
        .contains("Images are identical");
    Path back = temp.resolve("back");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "raw", served.uri(), back.toString());
    assertThat(Tool.run("qemu-img", "compare", raw.toString(), back.toString()).out())
        .contains("Images are identical");
  }

  @Test
  void qemuImgBenchRunsAtDepth() throws IOException {
    for (boolean write : new boolean[] {true, false}) {
      List<String> command =
          new ArrayList<>(
              List.of(
                  "qemu-img",
                  "bench",
                  "-f",
                  "raw",
                  "-c",
                  "2000",
                  "-d",
                  "16",
                  "-s",
                  "4k",
                  "-S",
                  "12345344"));
      if (write) {
        command.add("-w");
      }
      command.add(served.uri());
      Tool.run(command);
    }
    await()
        .until(() -> served.export().stats().snapshot().of(ExportStats.Kind.WRITE).count() >= 2000);
  }

  @Test
  void nbdcopyBringsTheOraclesDataInAndOut() throws IOException {
    copyOracle();
  }

  private void copyOracle() throws IOException {
    String oracle = "size=64M seed=42 percent=30 runlength=16384";
    nbdkit(
        "sparse-random " + oracle,
        "nbdcopy --connections=4 --requests=64 \"$uri\" \"" + served.uri() + "\"");
    nbdkit(
        "--filter=checkwrite sparse-random " + oracle, "nbdcopy \"" + served.uri() + "\" \"$uri\"");
  }

  @Test
  void nbdcopyBringsTheOraclesDataThroughAColdDisk() throws IOException {
    served.disk().cold();
    copyOracle();
  }

  private static void nbdkit(String plugin, String run) throws IOException {
    Tool.run("sh", "-c", "exec nbdkit -U - " + plugin + " --run '" + run + "'");
  }

  @Test
  void fioVerifiesWhatItWroteUnderLoad() throws IOException {
    fio("--bsrange=512-128k");
  }

  @Test
  void fioVerifiesWhatItWroteToAColdDisk() throws IOException {
    served.disk().cold();
    fio("--bs=4k");
  }

  private void fio(String sizes) throws IOException {
    Tool.run(
        "fio",
        "--name=verify",
        "--ioengine=nbd",
        "--uri=" + served.uri(),
        "--rw=randrw",
        sizes,
        "--iodepth=16",
        "--verify=crc32c",
        "--size=16M",
        "--io_size=32M",
        "--fsync=32",
        "--verify_fatal=1",
        "--aux-path=" + temp);
    await().until(() -> served.export().stats().snapshot().queueDepth() == 0);
    ExportStats.Snapshot stats = served.export().stats().snapshot();
    assertThat(stats.errors()).isZero();
    assertThat(stats.of(ExportStats.Kind.FLUSH).count()).isPositive();
  }

  @Test
  void libnbdGetsTheExactErrorForEachInvalidRequest() throws IOException {
    Path script = temp.resolve("invalid.py");
    Files.write(
        script, ClientsTest.class.getResourceAsStream("/io/bailey/nbd/invalid.py").readAllBytes());
    Tool.run("/usr/bin/python3", script.toString(), served.uri());
  }
}
