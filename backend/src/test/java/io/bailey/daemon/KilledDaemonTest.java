package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.nbd.StampedDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The daemon is killed with SIGKILL under clients of several volumes that write at depth, and
 * started again on the same store. {@code -Dbailey.kills=200} makes it a campaign, {@code
 * -Dbailey.seed} another one. With {@code -Dbailey.reattach.millis=1000} it fails if clients wait
 * longer for their disks than that; {@link DaemonProcess} says how to try it on a distribution.
 */
@Tag("slow")
@Timeout(value = 60, unit = TimeUnit.MINUTES)
class KilledDaemonTest {
  private static final int KILLS = Integer.getInteger("bailey.kills", 4);
  private static final long SEED = Long.getLong("bailey.seed", 1);
  private static final long REATTACH_MILLIS = Long.getLong("bailey.reattach.millis", 60_000);
  private static final int BLOCKS = 6000;

  private final DaemonProcess bailey;
  private final List<StampedDisk> disks = new ArrayList<>();
  private final List<Path> sockets = new ArrayList<>();
  private final List<Thread> load = new ArrayList<>();

  KilledDaemonTest() throws IOException {
    bailey = new DaemonProcess();
  }

  @AfterEach
  void end() throws Exception {
    disks.forEach(StampedDisk::stop);
    bailey.close();
  }

  private void serve(String name, String durability) {
    sockets.add(bailey.create(name, (long) BLOCKS * StampedDisk.BLOCK_BYTES, durability));
    disks.add(new StampedDisk(sockets.getLast(), name, BLOCKS, SEED + disks.size()));
  }

  /** Loads all disks until about that many requests of each were answered. */
  private void loadUntil(long more) {
    List<Long> before = disks.stream().map(StampedDisk::acknowledged).toList();
    disks.forEach(disk -> load.addAll(disk.load(2)));
    await("answers to the load")
        .atMost(60, TimeUnit.SECONDS)
        .pollInterval(2, TimeUnit.MILLISECONDS)
        .until(
            () -> {
              long done = 0;
              for (int i = 0; i < disks.size(); i++) {
                done += disks.get(i).acknowledged() - before.get(i);
              }
              return done >= more * disks.size();
            });
  }

  private void awaitLoadEnd() throws Exception {
    for (Thread thread : load) {
      thread.join();
    }
    load.clear();
    for (StampedDisk disk : disks) {
      assertThat(disk.firstError()).as("errors of replies").isZero();
    }
  }

  private void verifyAll() throws IOException {
    assertThat(sockets).allMatch(Files::exists, "served at its socket");
    for (StampedDisk disk : disks) {
      disk.verify();
    }
  }

  @Test
  void everyAcknowledgedWriteIsThereAfterSigkill() throws Exception {
    Random random = new Random(SEED);
    bailey.start();
    serve("flushed", "flush");
    serve("gone", "none");
    serve("also", "flush");
    serve("every", "every-write");
    serve("disposable", "none");
    List<Long> attachMillis = new ArrayList<>();
    for (int kill = 0; kill < KILLS; kill++) {
      loadUntil(1 + random.nextInt(kill % 2 == 0 ? 300 : 5000));
      long since = System.nanoTime();
      bailey.kill();
      bailey.start();
      // One that isn't there was left out, and the log says why.
      assertThat(sockets).as(bailey.log()).allMatch(Files::exists);
      for (StampedDisk disk : disks) {
        disk.attach();
      }
      attachMillis.add((System.nanoTime() - since) / 1_000_000);
      awaitLoadEnd();
      verifyAll();
    }
    attachMillis.sort(null);
    System.getLogger(KilledDaemonTest.class.getName())
        .log(
            System.Logger.Level.INFO,
            "seed {0}: {1} kills, {2} writes acknowledged, {3} flushes; from SIGKILL to the last disk''s"
                + " first answer {4} ms in the middle, {5} ms at most",
            SEED,
            KILLS,
            disks.stream().mapToLong(StampedDisk::acknowledged).sum(),
            disks.stream().mapToLong(StampedDisk::flushes).sum(),
            attachMillis.get(attachMillis.size() / 2),
            attachMillis.getLast());
    assertThat(bailey.log()).doesNotContain("ERROR");
    assertThat(attachMillis.getLast())
        .as("ms until reattached")
        .isLessThanOrEqualTo(REATTACH_MILLIS);
  }

  /** As after a start before the disk with the store is mounted. */
  @Test
  void aStoreMadeWhileThisOneIsAway_touchesNothingOfIt() throws Exception {
    bailey.start();
    serve("flushed", "flush");
    serve("disposable", "none");
    loadUntil(500);
    bailey.kill();
    awaitLoadEnd();
    Path memory = bailey.memory();
    Path away = bailey.directory.resolve("away");
    Files.move(bailey.store(), away);
    bailey.start();
    assertThat(bailey.log()).contains(memory + " holds");
    assertThat(bailey.memory()).isNotEqualTo(memory);
    bailey.create("disposable", 1 << 20, "none");
    bailey.kill();
    bailey.start();
    assertThat(bailey.delete("/v1/volumes/disposable").status()).isEqualTo(204);
    bailey.stop();
    RunningDaemon.deleteTree(bailey.store());
    Files.move(away, bailey.store());
    bailey.start();
    verifyAll();
  }

  @Test
  void everyAcknowledgedWriteIsThereAfterATermUnderLoad() throws Exception {
    bailey.start();
    serve("flushed", "flush");
    serve("disposable", "none");
    for (int stop = 0; stop < 2; stop++) {
      loadUntil(3000);
      bailey.stop();
      awaitLoadEnd();
      assertThat(sockets).noneMatch(Files::exists);
      bailey.start();
      verifyAll();
    }
    assertThat(bailey.log()).doesNotContain("ERROR");
  }

  @ParameterizedTest
  @CsvSource({"flush, 300", "flush, 6000", "every-write, 500"})
  void aFlushCoversWhatOtherConnectionsHadWritten_afterTheMemoryIsLost(
      String durability, long writes) throws Exception {
    bailey.start();
    serve("one", durability);
    StampedDisk disk = disks.getFirst();
    for (int cut = 0; cut < 2; cut++) {
      disks.forEach(d -> load.addAll(d.load(8)));
      long until = disk.acknowledged() + writes;
      await().pollInterval(2, TimeUnit.MILLISECONDS).until(() -> disk.acknowledged() >= until);
      disk.flush();
      if (cut == 0) {
        disk.stop();
        awaitLoadEnd();
        disk.flush();
      }
      bailey.kill();
      awaitLoadEnd();
      RunningDaemon.deleteTree(bailey.memory());
      bailey.start();
      disk.verifyAfterPowerLoss();
    }
  }
}
