package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest that writes more than the store's file system has room for. Needs root, to mount. */
@Tag("slow")
@Timeout(180)
class FullDiskGuestTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String NO_ROOM = "paused: its disk has no room";

  private static final String INIT =
      """
      #!/bin/sh
      export PATH=/bin:/sbin
      mount -t proc proc /proc
      exec </dev/console >/dev/console 2>&1
      echo 'BAILEY ready writer'
      for n in 1 2 3 4 5 6 7 8 9; do
        dd if=/dev/urandom of=/vm/f$n bs=1M count=4 conv=fsync || echo 'BAILEY bad write'
        sha256sum /vm/f$n >>/vm/sums
      done
      echo 3 >/proc/sys/vm/drop_caches
      sha256sum -s -c /vm/sums || echo 'BAILEY bad read'
      echo 'BAILEY all written'
      while :; do sleep 3600; done
      """;

  private TestDaemon bailey;
  private Path store;

  @BeforeEach
  void startAGuestThatFillsTheStore() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "only root may mount a file system");
    bailey = new TestDaemon("store");
    store = Files.createDirectory(bailey.directory().resolve("store"));
    TestDaemon.run(
        List.of("mount", "-t", "tmpfs", "-o", "mode=0700,size=20m", "tmpfs", store.toString()));
    bailey.start();
    bailey.command("import", bailey.diskWithInit(INIT).toString(), "writer");
    bailey.command("run", "writer", "--name", "writer", "--accel", "tcg");
    awaitPaused();
  }

  @AfterEach
  void end() throws Exception {
    if (bailey == null) {
      return;
    }
    try {
      // Lazily: the daemon, and what a test that failed left, have files open.
      TestDaemon.run(List.of("umount", "--lazy", store.toString()));
    } finally {
      bailey.close();
    }
  }

  private void awaitPaused() {
    await("a guest that waits for room")
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> bailey.command("ps", "--json").contains(NO_ROOM));
  }

  @Test
  void itIsPausedUntilThereIsRoom_andGoesOnWithoutAnError_alsoUnderTheNextDaemon()
      throws Exception {
    bailey.kill();
    bailey.start();
    awaitPaused();
    assertThat(bailey.console("writer")).doesNotContain("BAILEY all written");

    TestDaemon.run(List.of("mount", "-o", "remount,size=400m", store.toString()));
    await("the guest to go on")
        .atMost(PATIENCE)
        .until(() -> bailey.console("writer").contains("BAILEY all written"));
    assertThat(bailey.console("writer"))
        .doesNotContain("BAILEY bad")
        .doesNotContainIgnoringCase("error");
    await("the reason to go")
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> !bailey.command("ps", "--json").contains(NO_ROOM));
    assertThat(bailey.command("ps", "--json")).contains("\"running\"");
  }

  @Test
  void aStopDoesNotWaitForAGuestThatHearsNothing() throws Exception {
    long began = System.nanoTime();
    bailey.command("stop", "writer", "--timeout", "120");
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(60));
    assertThat(bailey.command("ps", "--json")).contains("ended by QEMU's quit");
    assertThat(bailey.qemus()).isEmpty();
  }
}
