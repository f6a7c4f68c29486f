package io.bailey.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command from end to end, with fio and QEMU, on disks small enough for a test. */
final class NbdCommandTest {
  @TempDir private Path directory;

  @Test
  @Tag("slow")
  void measuresEveryDiskInTurnAndLeavesNothingBehind() throws IOException {
    Path disks = Files.createDirectory(directory.resolve("disks"));
    Path out = directory.resolve("out");
    int code =
        BenchCommand.execute(
            "nbd",
            "--span=4M",
            "--depth=1,32",
            "--repeat=2",
            "--warm-up=1",
            "--peer-seconds=1",
            "--memory=64M",
            "--dir=" + disks,
            "--out=" + out);
    assertThat(code).isZero();
    assertThat(disks).isEmptyDirectory();
    String json = Files.readString(out.resolve("nbd.json"));
    assertThat(json.split("\"subject\"", -1)).hasSize(1 + 2 * NbdSubject.values().length);
    // The engine's disks and the null export are written all over each time, at each depth.
    assertThat(json.split("\"requestsWritten\":\\[1024.0,1024.0]", -1))
        .hasSizeGreaterThanOrEqualTo(1 + 2 * 3);
    assertThat(json).contains("\"leftOut\":[]").contains("\"aim\":\"≥ 0.80\"");
    assertThat(Files.readString(out.resolve("nbd.svg"))).contains("<svg");
    assertThat(Files.readAllBytes(out.resolve("nbd.png"))).startsWith(0x89, 'P', 'N', 'G');
  }

  @Test
  void spanOfPartOfABlockIsAUsageError() {
    assertThat(BenchCommand.execute("nbd", "--span=1048577")).isEqualTo(2);
  }
}
