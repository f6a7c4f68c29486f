package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.nbd.StampedDisk;
import io.bailey.nbd.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The load and the check of {@link KilledDaemonTest} on a server that is known to forget what it
 * has acknowledged: {@code qemu-nbd}, which keeps a qcow2 disk's tables in its own memory.
 */
@Tag("slow")
@Timeout(value = 60, unit = TimeUnit.MINUTES)
class KilledQcow2Test {
  private static final int KILLS = Integer.getInteger("bailey.kills", 8);
  private static final int BLOCKS = 6000;
  private static final int REQUESTS = 100;

  @TempDir Path directory;

  private Process serve(Path disk, Path socket, StampedDisk client) throws IOException {
    Process server =
        new ProcessBuilder(
                "qemu-nbd",
                "--persistent",
                "--shared=8",
                "--format=qcow2",
                "--cache=writeback",
                "--export-name=v",
                "--socket=" + socket,
                disk.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("log").toFile())
            .start();
    await("an answer")
        .atMost(30, TimeUnit.SECONDS)
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(
            () -> {
              client.attach();
              return true;
            });
    return server;
  }

  /** Loads a fresh disk, ends its server, starts it again; returns the blocks that are wrong. */
  private List<String> wrongAfter(boolean kill, long seed) throws Exception {
    Path disk = directory.resolve("disk-" + seed);
    Path socket = directory.resolve("socket-" + seed);
    long bytes = (long) BLOCKS * StampedDisk.BLOCK_BYTES;
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk.toString(), Long.toString(bytes));
    StampedDisk stamped = new StampedDisk(socket, "v", BLOCKS, seed, false);
    Process server = serve(disk, socket, stamped);
    try {
      List<Thread> load = stamped.load(2);
      await("answers to the load")
          .atMost(60, TimeUnit.SECONDS)
          .pollInterval(2, TimeUnit.MILLISECONDS)
          .until(() -> stamped.acknowledged() >= REQUESTS);
      if (kill) {
        server.destroyForcibly();
      } else {
        stamped.stop();
      }
      for (Thread thread : load) {
        thread.join();
      }
      server.destroy();
      server.waitFor();
      assertThat(stamped.firstError()).isZero();
      Files.deleteIfExists(socket);
      server = serve(disk, socket, stamped);
      return stamped.wrongBlocks();
    } finally {
      server.destroyForcibly().waitFor();
      Files.deleteIfExists(disk);
    }
  }

  @Test
  void acknowledgedWritesAreLostBySigkill_andTheCheckSeesIt() throws Exception {
    assertThat(wrongAfter(false, 0)).as("blocks lost by a clean stop").isEmpty();
    int killsThatLost = 0;
    int lost = 0;
    for (int kill = 1; kill <= KILLS; kill++) {
      int wrong = wrongAfter(true, kill).size();
      lost += wrong;
      killsThatLost += wrong > 0 ? 1 : 0;
    }
    System.getLogger(KilledQcow2Test.class.getName())
        .log(
            System.Logger.Level.INFO,
            "qemu-nbd with qcow2: {0} kills, {1} of them lost acknowledged writes, {2} blocks in all",
            KILLS,
            killsThatLost,
            lost);
    assertThat(lost).as("blocks lost by %d kills", KILLS).isPositive();
  }
}
