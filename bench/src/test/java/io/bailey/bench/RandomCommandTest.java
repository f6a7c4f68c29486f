package io.bailey.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command from end to end, on disks small enough for a test. */
final class RandomCommandTest {
  @TempDir private Path directory;

  @Test
  @Tag("slow")
  void measuresTheEngineAndItsPeersAndLeavesNothingBehind() throws IOException {
    Path disks = Files.createDirectory(directory.resolve("disks"));
    Path out = directory.resolve("out");
    int code =
        BenchCommand.execute(
            "random",
            "--quick",
            "--operations=1500",
            "--span=64M",
            "--warm-up=1",
            "--memory=64M",
            "--only=ephemeral,durable,nbd1,nbd32,memory32,raw32,qcow2_1,backed32,vpc32",
            "--dir=" + disks,
            "--out=" + out);
    assertThat(code).isZero();
    assertThat(disks).isEmptyDirectory();
    String json = Files.readString(out.resolve("random.json"));
    assertThat(json.split("\"subject\"", -1)).hasSize(10);
    assertThat(json).contains("\"operations\":1500").contains("\"leftOut\":[]");
    assertThat(json).doesNotContain("\"slowestWriteMillis\":0.0");
    assertThat(Files.readString(out.resolve("random.svg"))).contains("<svg");
    assertThat(Files.readAllBytes(out.resolve("random.png"))).startsWith(0x89, 'P', 'N', 'G');
  }

  @Test
  @Tag("slow")
  void repeatsRuns() throws IOException {
    int code =
        BenchCommand.execute(
            "random",
            "--rounds=2",
            "--repeat=3",
            "--operations=200",
            "--span=1M",
            "--memory=64M",
            "--only=ephemeral",
            "--dir=" + directory,
            "--out=" + directory);
    assertThat(code).isZero();
    assertThat(Files.readString(directory.resolve("random.json")).split("\"operations\":200", -1))
        .hasSize(1 + 2 * 3);
  }

  @Test
  void refusesDiskThatIsTooSmallBeforeItMeasures() {
    PrintStream saved = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    int code;
    try {
      code =
          BenchCommand.execute(
              "random",
              "--span=1T",
              "--operations=2000000000",
              "--only=ephemeral",
              "--dir=" + directory.resolve("disks"),
              "--out=" + directory);
    } finally {
      System.setErr(saved);
    }
    assertThat(code).isEqualTo(1);
    assertThat(said.toString(StandardCharsets.UTF_8).lines())
        .singleElement()
        .asString()
        .contains("has room for", "--dir");
  }

  @Test
  void wrongSpanIsAUsageError() {
    assertThat(BenchCommand.execute("random", "--span=1000")).isEqualTo(2);
  }
}
