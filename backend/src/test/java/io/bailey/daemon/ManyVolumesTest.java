package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.nbd.StampedDisk;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * One daemon with many volumes: what each costs, and what one that is removed leaves. {@code
 * -Dbailey.volumes=200} makes and removes that many.
 */
@Tag("slow")
@Timeout(180)
class ManyVolumesTest {
  private static final System.Logger LOG = System.getLogger(ManyVolumesTest.class.getName());
  private static final int SIZE = 4 << 20;
  private static final int REMOVED = Integer.getInteger("bailey.volumes", 60);
  private final DaemonProcess bailey;

  ManyVolumesTest() throws IOException {
    bailey = new DaemonProcess();
  }

  @AfterEach
  void end() throws Exception {
    bailey.close();
  }

  private void startWithImage() throws IOException {
    bailey.start();
    byte[] bytes = new byte[SIZE];
    new Random(1).nextBytes(bytes);
    bailey.importImage("golden", Files.write(bailey.directory.resolve("golden.raw"), bytes));
  }

  private Path proc(String name) {
    return Path.of("/proc/" + bailey.process().pid() + "/" + name);
  }

  private int count(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return (int) entries.count();
    }
  }

  private long residentBytes() throws IOException {
    return Files.readAllLines(proc("status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
        .sum();
  }

  /** Makes a volume, writes to it on a connection, and removes it under that connection. */
  private void useAndRemove(String name) throws Exception {
    Path socket = bailey.fork(name, "golden", name.endsWith("0") ? "flush" : "none");
    StampedDisk disk = new StampedDisk(socket, name, SIZE / StampedDisk.BLOCK_BYTES, 1);
    List<Thread> load = disk.load(2);
    await().until(() -> disk.acknowledged() >= 20);
    assertThat(bailey.delete("/v1/volumes/" + name).status()).isEqualTo(204);
    for (Thread thread : load) {
      thread.join();
    }
    assertThat(disk.firstError()).isZero();
  }

  @Test
  void volumesThatAreGoneLeaveNoThreadDescriptorSocketOrFile() throws Exception {
    startWithImage();
    for (int i = 0; i < 20; i++) {
      useAndRemove("warm" + i);
    }
    int descriptors = count(proc("fd"));
    int threads = count(proc("task"));
    for (int i = 0; i < REMOVED; i++) {
      useAndRemove("v" + i);
    }
    // Background threads end some time after their work, so a few more may be there.
    await().untilAsserted(() -> assertThat(count(proc("fd"))).isLessThan(descriptors + 20));
    await().untilAsserted(() -> assertThat(count(proc("task"))).isLessThan(threads + 20));
    assertThat(count(bailey.directory.resolve("run/nbd"))).isZero();
    assertThat(count(bailey.store().resolve("volumes"))).isZero();
    assertThat(count(bailey.memory().resolve("volumes"))).isZero();
    TreeSet<String> left = new TreeSet<>();
    try (Stream<Path> journal = Files.list(bailey.store().resolve("journal"))) {
      journal.forEach(file -> left.add(String.valueOf(file.getFileName())));
    }
    assertThat(left).as("segments of the journal").hasSizeLessThanOrEqualTo(2);
    LOG.log(
        Level.INFO,
        "after {4} volumes: {0} descriptors, {1} threads (before {2} and {3})",
        count(proc("fd")),
        count(proc("task")),
        descriptors,
        threads,
        REMOVED);
  }

  @Test
  void aThousandForksCostLittleEach_andAreServedAgainAfterAKill() throws Exception {
    startWithImage();
    bailey.fork("warm", "golden", "none");
    long before = residentBytes();
    long idle = 0;
    long[] nanos = new long[1000];
    for (int i = 0; i < nanos.length; i++) {
      long since = System.nanoTime();
      bailey.fork("v" + i, "golden", i % 2 == 0 ? "none" : "flush");
      nanos[i] = System.nanoTime() - since;
      if (i == 499) {
        idle = residentBytes() - before;
      }
    }
    LOG.log(
        Level.INFO,
        "resident memory {0} KiB, {1} KiB more with 500 idle volumes; fork 1 took {2} us,"
            + " fork 1000 {3} us",
        before >> 10,
        idle >> 10,
        nanos[0] / 1000,
        nanos[999] / 1000);
    assertThat(idle).as("bytes that 500 idle volumes take").isLessThan(256 << 20);
    bailey.kill();
    long since = System.nanoTime();
    bailey.start();
    LOG.log(
        Level.INFO, "start with 1,001 volumes: {0} ms", (System.nanoTime() - since) / 1_000_000);
    assertThat(bailey.get("/v1/volumes").array()).hasSize(1001);
    for (String name : List.of("v0", "v999")) {
      assertThat(Path.of(bailey.get("/v1/volumes/" + name).object().getString("socket"))).exists();
    }
  }
}
