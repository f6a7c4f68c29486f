package io.bailey.vm;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/**
 * What every guest boots with: a kernel, its modules and a static busybox, in the directory that
 * {@code scripts/guest-kernel} fills.
 */
public record GuestKernel(Path directory) {
  /** The directory by system property {@code bailey.guest}, else in the user's cache. */
  public static Path defaultDirectory() {
    String given = System.getProperty("bailey.guest");
    return given != null ? Path.of(given) : cacheDirectory().resolve("guest");
  }

  static Path cacheDirectory() {
    String cache = System.getenv("XDG_CACHE_HOME");
    Path root =
        cache != null && !cache.isEmpty()
            ? Path.of(cache)
            : Path.of(System.getProperty("user.home"), ".cache");
    return root.resolve("bailey");
  }

  /** Finds the kernel in a directory, or says how to get it there. */
  public static GuestKernel locate(Path directory) throws StorageException {
    GuestKernel kernel = new GuestKernel(directory.toAbsolutePath());
    for (Path needed : List.of(kernel.vmlinuz(), kernel.busybox(), kernel.versionFile())) {
      if (!Files.isReadable(needed)) {
        throw new StorageException(
            StorageException.Kind.IO,
            "no guest kernel: "
                + needed
                + " is missing; run 'scripts/guest-kernel "
                + directory
                + "'");
      }
    }
    return kernel;
  }

  public Path vmlinuz() {
    return directory.resolve("vmlinuz");
  }

  Path busybox() {
    return directory.resolve("busybox");
  }

  private Path versionFile() {
    return directory.resolve("version");
  }

  /** The package's name and version, one line. */
  String version() throws IOException {
    return Files.readString(versionFile()).strip();
  }

  /**
   * Writes the guest's first root file system: busybox, the modules in the order in which they go
   * in, and the init that mounts the disk.
   */
  void writeInitramfs(QemuConfigs configs, Path target) throws IOException {
    List<String> modules = Files.readAllLines(configs.guestFile("modules"));
    try (OutputStream file = Files.newOutputStream(target);
        CpioWriter cpio = new CpioWriter(new GZIPOutputStream(file, 1 << 16))) {
      for (String name : List.of("bin", "dev", "proc", "root", "modules")) {
        cpio.directory(name);
      }
      cpio.file("bin/busybox", true, Files.readAllBytes(busybox()));
      // The init names programs without a path; busybox's shell then runs its own.
      cpio.link("bin/sh", "busybox");
      cpio.file("init", true, Files.readAllBytes(configs.guestFile("initramfs-init")));
      cpio.file("modules/order", false, Files.readAllBytes(configs.guestFile("modules")));
      for (String module : modules) {
        String name = "modules/" + module + ".ko";
        cpio.file(name, false, Files.readAllBytes(directory.resolve(name)));
      }
    }
  }
}
