package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.nbd.StampedDisk;
import io.bailey.nbd.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The store, or the memory beside it, lies on a file system that fills up. Needs root, to mount.
 */
@Tag("slow")
@Timeout(120)
class FullDiskTest {
  private static final int BLOCKS = 16_000;
  private static final int ENOSPC = 28;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final DaemonProcess bailey;
  private final List<Path> mounts = new ArrayList<>();
  private final List<Thread> load = new ArrayList<>();

  FullDiskTest() throws IOException {
    bailey = new DaemonProcess();
  }

  @BeforeEach
  void needsRoot() {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may mount a file system");
  }

  @AfterEach
  void end() throws Exception {
    try {
      bailey.process().destroyForcibly().waitFor();
    } finally {
      for (Path mount : mounts) {
        Tool.run("umount", mount.toString());
        Files.delete(mount);
      }
      bailey.close();
    }
  }

  private void mount(Path directory, String size) throws IOException {
    Files.createDirectories(directory);
    Tool.run("mount", "-t", "tmpfs", "-o", "mode=0700,size=" + size, "tmpfs", directory.toString());
    mounts.add(directory);
  }

  private StampedDisk create(String name, String durability) {
    Path socket = bailey.create(name, (long) BLOCKS * StampedDisk.BLOCK_BYTES, durability);
    return new StampedDisk(socket, name, BLOCKS, 1);
  }

  private void loadUntilFull(StampedDisk disk) throws Exception {
    load.addAll(disk.load(2));
    await("an error").atMost(PATIENCE).until(() -> disk.firstError() != 0);
    for (Thread thread : load) {
      thread.join(PATIENCE);
      assertThat(thread.isAlive()).as("%s waits for an answer", thread).isFalse();
    }
    load.clear();
    assertThat(disk.firstError()).isEqualTo(ENOSPC);
  }

  /** Writes until a number of requests more are answered, trying again while there is no space. */
  private void assertGoesOn(StampedDisk disk, long more) {
    long until = disk.acknowledged() + more;
    await("writing goes on")
        .atMost(PATIENCE)
        .until(
            () -> {
              List<Thread> threads = disk.load(1);
              await()
                  .atMost(PATIENCE)
                  .until(() -> disk.firstError() != 0 || disk.acknowledged() >= until);
              disk.stop();
              for (Thread thread : threads) {
                thread.join();
              }
              return disk.acknowledged() >= until && disk.firstError() == 0;
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"flush", "none"})
  void aFullDiskGivesEnospc_losesNothing_andWritingGoesOnWithRoom(String durability)
      throws Exception {
    Path store = bailey.store();
    mount(store, "20m");
    bailey.start();
    StampedDisk disk = create("v", durability);
    loadUntilFull(disk);
    disk.verify();
    bailey.kill();
    bailey.start();
    disk.verify();
    Tool.run("mount", "-o", "remount,size=400m", store.toString());
    assertGoesOn(disk, 2000);
    disk.verify();
    assertThat(bailey.log()).contains("no space left for " + store);
  }

  @Test
  void onAFullDiskOtherVolumesGetAnAnswerToo() throws Exception {
    mount(bailey.store(), "24m");
    bailey.start();
    List<StampedDisk> disks = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      disks.add(create("v" + i, i % 2 == 0 ? "none" : "flush"));
    }
    for (StampedDisk disk : disks) {
      loadUntilFull(disk);
    }
    for (StampedDisk disk : disks) {
      disk.verify();
    }
    Tool.run("mount", "-o", "remount,size=400m", bailey.store().toString());
    for (StampedDisk disk : disks) {
      assertGoesOn(disk, 500);
      disk.verify();
    }
  }

  @Test
  void fullMemoryHoldsWritesUpOnlyUntilBuffersAreEmptied() throws Exception {
    bailey.start();
    Path memory = bailey.memory();
    bailey.stop();
    mount(memory, "10m");
    bailey.start();
    StampedDisk one = create("one", "none");
    StampedDisk two = create("two", "flush");
    assertGoesOn(one, 2000);
    assertGoesOn(two, 2000);
    assertThat(memory.resolve("slab-0")).exists();
    one.verify();
    two.verify();
    bailey.kill();
    bailey.start();
    one.verify();
    two.verify();
  }
}
