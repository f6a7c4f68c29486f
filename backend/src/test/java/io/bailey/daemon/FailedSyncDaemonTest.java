package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.nbd.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A daemon whose {@code fdatasync} the kernel refuses for a while, by {@code strace}. */
@Tag("slow")
@Timeout(300)
final class FailedSyncDaemonTest {

  private static Tool io(String uri, String... commands) throws IOException {
    List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "raw", uri));
    for (String each : commands) {
      command.addAll(List.of("-c", each));
    }
    return Tool.tryRun(Duration.ofSeconds(60), command);
  }

  @Test
  void afterAnFdatasyncThatFailed_noFlushSucceeds_untilTheDaemonIsStartedAgain() throws Exception {
    try (DaemonProcess bailey = new DaemonProcess()) {
      Process daemon = bailey.start();
      String uri = DaemonProcess.uri("v", bailey.create("v", 1 << 20, "flush"));
      assertThat(io(uri, "write -P 1 0 8k", "flush").exitCode()).isZero();
      String other = DaemonProcess.uri("other", bailey.create("other", 1 << 20, "flush"));
      assertThat(io(other, "write -P 1 0 8k").exitCode()).isZero();

      Path trace = bailey.directory.resolve("trace");
      Process strace = refuseSyncs(daemon, trace);
      try {
        assertThat(io(uri, "write -P 2 0 4k", "flush").exitCode()).isNotZero();
        assertThat(Files.readString(trace)).contains("EIO (Input/output error) (INJECTED)");
      } finally {
        // On SIGTERM it lets go of the daemon, which goes on.
        strace.destroy();
        strace.waitFor();
      }
      for (int i = 0; i < 5; i++) {
        assertThat(io(uri, "flush").exitCode())
            .as("a flush, the disk being well again")
            .isNotZero();
      }
      assertThat(io(uri, "read -P 2 0 4k", "read -P 1 4k 4k").out())
          .contains("read 4096/4096")
          .doesNotContain("failed");

      ControlClient.Answer removed = bailey.delete("/v1/volumes/other");
      assertThat(removed.status()).as(removed.body()).isEqualTo(204);
      assertThat(bailey.get("/v1/volumes").body()).contains("\"v\"").doesNotContain("\"other\"");

      bailey.kill();
      bailey.start();
      Tool after = io(uri, "read -P 2 0 4k", "write -P 3 8k 4k", "flush", "read -P 3 8k 4k");
      assertThat(after.exitCode()).as(after.out() + after.err()).isZero();
      assertThat(after.out()).doesNotContain("failed");
    }
  }

  private static Process refuseSyncs(Process daemon, Path trace) throws IOException {
    Process strace =
        new ProcessBuilder(
                "strace",
                "-f",
                "-p",
                Long.toString(daemon.pid()),
                "-e",
                "trace=fdatasync",
                "-e",
                "inject=fdatasync:error=EIO",
                "-o",
                trace.toString())
            .redirectErrorStream(true)
            .redirectOutput(trace.resolveSibling("strace").toFile())
            .start();
    await("strace to hold every thread of the daemon")
        .atMost(60, TimeUnit.SECONDS)
        .until(() -> traced(daemon));
    return strace;
  }

  private static boolean traced(Process daemon) throws IOException {
    Path tasks = Path.of("/proc", Long.toString(daemon.pid()), "task");
    try (var threads = Files.list(tasks)) {
      for (Path thread : threads.toList()) {
        if (Files.readString(thread.resolve("status")).contains("TracerPid:\t0\n")) {
          return false;
        }
      }
    }
    return true;
  }
}
