package io.bailey.vm;

import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Makes a golden image: a raw disk that holds an ext4 root file system with a busybox userland, a
 * file whose checksum is known, and the init of {@code qemu-configs/guest/init}. Needs no root and
 * mounts nothing.
 */
public final class GuestImage {
  public static final long DEFAULT_SIZE_BYTES = 64L << 20;
  static final long MIN_SIZE_BYTES = 16L << 20;
  private static final int GOLDEN_BYTES = 1 << 20;
  private static final int TOOL_TIMEOUT_SECONDS = 60;

  private final GuestKernel kernel;
  private final QemuConfigs configs;

  public GuestImage(GuestKernel kernel, QemuConfigs configs) {
    this.kernel = kernel;
    this.configs = configs;
  }

  /**
   * Makes the image. The file appears when it is complete, replacing one of the same name.
   *
   * @param sizeBytes of the disk; a multiple of 4096, at least 16 MiB
   */
  public void build(Path target, long sizeBytes) throws IOException {
    if (sizeBytes < MIN_SIZE_BYTES || sizeBytes % 4096 != 0) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "an image of "
              + sizeBytes
              + " bytes: use a multiple of 4096, at least "
              + MIN_SIZE_BYTES);
    }
    Path mkfs = HostProgram.MKFS_EXT4.locate();
    Path parent = target.toAbsolutePath().getParent();
    Path work = Files.createTempDirectory(parent, ".golden-");
    try {
      Path root = Files.createDirectory(work.resolve("root"));
      fill(root);
      Path disk = work.resolve("disk");
      try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
        file.setLength(sizeBytes);
      }
      run(
          List.of(
              mkfs.toString(),
              "-q",
              "-F",
              "-L",
              "golden",
              "-E",
              "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0",
              "-d",
              root.toString(),
              disk.toString()),
          work);
      Files.move(disk, target, StandardCopyOption.REPLACE_EXISTING);
    } catch (StorageException | FileSystemException e) {
      // These name their file.
      throw e;
    } catch (IOException e) {
      throw LocalFiles.failure("make", target, e);
    } finally {
      deleteTree(work);
    }
  }

  private void fill(Path root) throws IOException {
    for (String name : List.of("bin", "sbin", "dev", "proc", "sys", "tmp", "etc", "golden", "vm")) {
      Files.createDirectory(root.resolve(name));
    }
    Path busybox = Files.copy(kernel.busybox(), root.resolve("bin/busybox"));
    makeExecutable(busybox);
    for (String applet : run(List.of(busybox.toString(), "--list"), root.resolve("tmp"))) {
      if (!applet.isBlank() && !applet.equals("busybox") && !applet.contains("/")) {
        Files.createSymbolicLink(root.resolve("bin").resolve(applet), Path.of("busybox"));
      }
    }
    makeExecutable(Files.copy(configs.guestFile("init"), root.resolve("sbin/init")));
    byte[] golden = new byte[GOLDEN_BYTES];
    new SplittableRandom(1).nextBytes(golden);
    Files.write(root.resolve("golden/data"), golden);
    Files.writeString(root.resolve("golden/data.sha256"), sha256(golden) + "  data\n");
  }

  private static void makeExecutable(Path file) throws IOException {
    if (!file.toFile().setExecutable(true, false)) {
      throw new IOException("can't make " + file + " executable");
    }
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Runs a tool to its end and returns the lines it printed. */
  private static List<String> run(List<String> command, Path work) throws IOException {
    Path output = Files.createTempFile(work, "output", "");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      boolean ended = false;
      try {
        ended = process.waitFor(TOOL_TIMEOUT_SECONDS, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      if (!ended) {
        process.destroyForcibly();
        throw new IOException(command.getFirst() + " did not end in time");
      }
      List<String> lines = Files.readAllLines(output);
      if (process.exitValue() != 0) {
        throw new IOException(
            command.getFirst() + " failed: " + (lines.isEmpty() ? "no output" : lines.getLast()));
      }
      return lines;
    } finally {
      Files.deleteIfExists(output);
    }
  }

  static void deleteTree(Path root) throws IOException {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(root)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
