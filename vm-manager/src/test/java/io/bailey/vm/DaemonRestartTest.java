package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.daemon.BaileyDaemon;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Guests that write and read their disks all the time while the daemon under them is killed, or
 * another build takes its place.
 */
@Tag("slow")
@Timeout(300)
class DaemonRestartTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** Writes files in a ring, syncs, drops its caches, and compares all files with copies in RAM. */
  private static final String INIT =
      """
      #!/bin/sh
      export PATH=/bin:/sbin
      mount -t proc proc /proc
      mount -t tmpfs tmp /tmp
      exec </dev/console >/dev/console 2>&1
      echo 'BAILEY ready writer'
      n=0
      while :; do
        n=$((n + 1))
        file=f$((n % 20))
        dd if=/dev/urandom of=/tmp/$file bs=16k count=1 2>/dev/null
        cp /tmp/$file /vm/$file || echo "BAILEY bad write"
        sync
        echo 3 >/proc/sys/vm/drop_caches
        for copy in /tmp/f*; do
          cmp "$copy" "/vm/${copy##*/}" || echo "BAILEY bad read ${copy##*/}"
        done
        echo "BAILEY round $n"
      done
      """;

  private TestDaemon bailey;

  @BeforeEach
  void make() throws IOException {
    bailey = new TestDaemon("store");
  }

  @AfterEach
  void end() throws Exception {
    bailey.close();
  }

  private void awaitRounds(long more, String... vms) {
    for (String vm : vms) {
      long until = rounds(vm) + more;
      await("rounds of the guest")
          .atMost(PATIENCE)
          .until(() -> rounds(vm) >= until || bailey.console(vm).contains("BAILEY bad"));
      assertThat(bailey.console(vm))
          .doesNotContain("BAILEY bad")
          .doesNotContainIgnoringCase("error");
    }
  }

  private long rounds(String vm) {
    return bailey.console(vm).lines().filter(line -> line.startsWith("BAILEY round")).count();
  }

  @Test
  void aGuestGoesOnWithoutAnErrorWhenTheDaemonIsKilledAndStartedAgain() throws Exception {
    Process daemon = bailey.start();
    bailey.command("import", bailey.diskWithInit(INIT).toString(), "writer");
    bailey.command("run", "writer", "--name", "writer", "--accel", "tcg");
    awaitRounds(3, "writer");
    String before = bailey.command("ps", "--json");
    for (int kill = 0; kill < 3; kill++) {
      daemon.destroyForcibly().waitFor();
      // The guest waits for its disk meanwhile: at most the round that it is in ends.
      daemon = bailey.start();
      awaitRounds(5, "writer");
    }
    assertSameVmsRun(before);
    assertThat(bailey.command("stop", "writer")).contains("writer");
    assertThat(bailey.qemus()).isEmpty();
  }

  @Test
  void guestsGoOnWithoutAnErrorWhenTheDaemonIsUpgradedAndDowngradedAgain() throws Exception {
    Process daemon = bailey.start("--keep-vms");
    bailey.command("import", bailey.diskWithInit(INIT).toString(), "writer");
    bailey.command("run", "writer", "-n", "2", "--name", "writer", "--accel", "tcg");
    awaitRounds(3, "writer-1", "writer-2");
    String before = bailey.command("ps", "--json");
    for (String version : List.of("9.9.9", BaileyDaemon.version())) {
      daemon.destroy();
      assertThat(daemon.waitFor()).as(bailey.log()).isZero();
      assertThat(bailey.qemus()).hasSize(2);
      if (version.equals(BaileyDaemon.version())) {
        bailey.useThisBuild();
      } else {
        bailey.useCopyOfThisBuild(version);
      }
      daemon = bailey.start("--keep-vms");
      assertThat(bailey.log().lines().filter(line -> line.contains(" serves store ")).toList())
          .last()
          .asString()
          .contains("bailey " + version + " serves store");
      awaitRounds(5, "writer-1", "writer-2");
    }
    assertSameVmsRun(before);
    assertThat(bailey.command("stop", "writer-1", "writer-2")).contains("writer-2");
    assertThat(bailey.qemus()).isEmpty();
    assertThat(bailey.log()).doesNotContain("ERROR");
  }

  private void assertSameVmsRun(String before) throws Exception {
    String after = bailey.command("ps", "--json");
    assertThat(pids(after)).as(after).isNotEmpty().isEqualTo(pids(before));
    assertThat(after).doesNotContainPattern("\"state\": ?\"(?!running)");
  }

  private static List<String> pids(String json) {
    return Pattern.compile("\"pid\": ?\\d+")
        .matcher(json)
        .results()
        .map(MatchResult::group)
        .toList();
  }
}
