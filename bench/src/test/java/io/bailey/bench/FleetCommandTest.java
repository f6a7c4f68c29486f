package io.bailey.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command from end to end, with few volumes for few seconds. Needs root, to mount. */
@Tag("slow")
final class FleetCommandTest {
  private static final Path LIMITS =
      Path.of("/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device");

  @TempDir private Path directory;

  @BeforeEach
  void needsRoot() {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may mount a file system");
  }

  private List<String> arguments() {
    return List.of(
        "fleet",
        "--volumes=4",
        "--seconds=2",
        "--warm-up=1",
        "--peer-seconds=1",
        "--noisy",
        "--size=4M",
        "--disk-size=256M",
        "--memory=64M",
        "--dir=" + directory,
        "--out=" + directory.resolve("out"));
  }

  private void assertNothingIsLeft() throws IOException {
    assertThat(Files.readString(Path.of("/proc/mounts"))).doesNotContain("bailey-fleet");
    try (var files = Files.list(directory)) {
      assertThat(files.filter(path -> path.toString().endsWith(".img"))).isEmpty();
    }
    if (Files.exists(LIMITS)) {
      // Others may have limits; ours name a loop device, whose major number is 7.
      assertThat(Files.readAllLines(LIMITS)).noneMatch(line -> line.startsWith("7:"));
    }
  }

  @Test
  void measuresBothAndLeavesNothingBehind() throws IOException {
    assertThat(BenchCommand.execute(arguments().toArray(new String[0]))).isZero();
    Path out = directory.resolve("out");
    String json = Files.readString(out.resolve("fleet.json"));
    assertThat(json.split("\"title\"", -1)).hasSize(4);
    assertThat(json).doesNotContain("\"diskWrites\":0,");
    for (String name : List.of("fleet-iops", "fleet-latency")) {
      assertThat(Files.readString(out.resolve(name + ".svg"))).contains("<svg");
      assertThat(Files.readAllBytes(out.resolve(name + ".png"))).startsWith(0x89, 'P', 'N', 'G');
    }
    assertNothingIsLeft();
  }

  @Test
  void endedFromOutside_itLeavesNothingBehind() throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(BenchCommand.class.getName());
    command.addAll(arguments());
    command.add("--seconds=600");
    command.remove("--seconds=2");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("said").toFile())
            .start();
    try {
      await()
          .atMost(60, TimeUnit.SECONDS)
          .until(() -> Files.readString(Path.of("/proc/mounts")).contains("bailey-fleet"));
      process.destroy();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertNothingIsLeft();
  }
}
