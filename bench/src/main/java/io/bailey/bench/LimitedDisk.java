package io.bailey.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A file system on a loop device that is held to so many I/Os and bytes a second. Only root can
 * have one. The block-I/O controller counts what the kernel sends to the device, so what the page
 * cache gathers counts once.
 */
final class LimitedDisk implements AutoCloseable {
  private static final Path CONTROLLER = Path.of("/sys/fs/cgroup/blkio");
  private static final int SECTOR_BYTES = 512;
  private static final int UNMOUNT_TRIES = 20;

  private final Path run;
  private final Path image;
  private final Path mount;
  private final List<Runnable> undo = new ArrayList<>();
  private String device = "";
  private Optional<String> reason = Optional.empty();

  private LimitedDisk(Path run, Path image) {
    this.run = run;
    this.image = image;
    this.mount = run.resolve("disk");
  }

  /** I/Os and bytes of the device since it was made. */
  record Counts(long reads, long readBytes, long writes, long writtenBytes, long flushes) {
    Counts since(Counts before) {
      return new Counts(
          reads - before.reads,
          readBytes - before.readBytes,
          writes - before.writes,
          writtenBytes - before.writtenBytes,
          flushes - before.flushes);
    }
  }

  /**
   * Makes and mounts a disk, without limits as yet.
   *
   * @param run a directory of its own for what it needs
   * @param image where its blocks lie
   */
  static LimitedDisk make(Path run, Path image, long size) throws IOException {
    LimitedDisk disk = new LimitedDisk(run, image);
    boolean done = false;
    try {
      disk.mount(size);
      done = true;
      return disk;
    } finally {
      if (!done) {
        disk.close();
      }
    }
  }

  private void mount(long size) throws IOException {
    String path = image.toString();
    undo(() -> Files.deleteIfExists(image));
    command("truncate", "-s", Long.toString(size), path);
    device = command("losetup", "--find", "--show", path).strip();
    undo(() -> command("losetup", "-d", device));
    // All of it now, so that nothing is left for the background.
    command("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", device);
    Files.createDirectories(mount);
    command("mount", "-o", "noatime", device, mount.toString());
    undo(this::unmount);
  }

  /**
   * Writes out what is left from before, and holds the disk to its limits from now on.
   *
   * @param iops reads a second, and as many writes; 0 for no limit
   */
  void limit(int iops, long bytesPerSecond) throws IOException {
    command("sync", "-f", mount.toString());
    if (iops == 0) {
      reason = Optional.of("no limit was asked for");
      return;
    }
    if (!Files.isWritable(CONTROLLER.resolve("blkio.throttle.write_iops_device"))) {
      reason = Optional.of("this host has no block-I/O controller at " + CONTROLLER);
      return;
    }
    String number = Files.readString(Path.of("/sys/class/block", name(), "dev")).strip();
    Map<String, Long> limits =
        Map.of(
            "read_iops",
            (long) iops,
            "write_iops",
            (long) iops,
            "read_bps",
            bytesPerSecond,
            "write_bps",
            bytesPerSecond);
    for (Map.Entry<String, Long> limit : limits.entrySet()) {
      Path file = CONTROLLER.resolve("blkio.throttle." + limit.getKey() + "_device");
      undo(() -> Files.writeString(file, number + " 0\n"));
      Files.writeString(file, number + " " + limit.getValue() + "\n");
    }
  }

  private void unmount() throws IOException {
    for (int i = 1; ; i++) {
      try {
        command("umount", mount.toString());
        return;
      } catch (IOException e) {
        // A process that was killed may still be closing its files.
        if (i == UNMOUNT_TRIES) {
          throw e;
        }
        sleep();
      }
    }
  }

  private static void sleep() throws IOException {
    try {
      Thread.sleep(250);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private String name() {
    return String.valueOf(Path.of(device).getFileName());
  }

  private String command(String... words) throws IOException {
    return ChildProcess.output(run, List.of(words));
  }

  /** A step that takes one back. */
  private interface Step {
    void run() throws IOException;
  }

  private void undo(Step step) {
    undo.add(
        () -> {
          try {
            step.run();
          } catch (IOException e) {
            System.err.println("bailey bench: " + e.getMessage());
          }
        });
  }

  /** Where files go. */
  Path directory() {
    return mount;
  }

  /** Why it isn't held to its limits, if it isn't. */
  Optional<String> reasonWithoutLimit() {
    return reason;
  }

  Counts counts() throws IOException {
    String[] fields =
        Files.readString(Path.of("/sys/class/block", name(), "stat")).strip().split("\\s+", -1);
    return new Counts(
        Long.parseLong(fields[0]),
        Long.parseLong(fields[2]) * SECTOR_BYTES,
        Long.parseLong(fields[4]),
        Long.parseLong(fields[6]) * SECTOR_BYTES,
        fields.length > 15 ? Long.parseLong(fields[15]) : 0);
  }

  /** Lets go of the limits first, so that what is left goes fast; then of the rest. */
  @Override
  public synchronized void close() {
    undo.reversed().forEach(Runnable::run);
    undo.clear();
  }
}
