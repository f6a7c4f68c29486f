package io.bailey.vm;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Finds out whether KVM works here by booting a guest that does nothing but say so; that its device
 * opens proves little. The answer is kept for as long as QEMU, kernel and the host's boot stay.
 */
final class AcceleratorProbe {
  static final Duration LIMIT = Duration.ofSeconds(5);
  private static final System.Logger LOG = System.getLogger(AcceleratorProbe.class.getName());

  private final Path device;
  private final Path cacheDirectory;

  /**
   * @param device {@code /dev/kvm}
   * @param cacheDirectory where the answer is kept
   */
  AcceleratorProbe(Path device, Path cacheDirectory) {
    this.device = device;
    this.cacheDirectory = cacheDirectory;
  }

  /** An accelerator and, in words, why it is the one. */
  record Choice(String accelerator, String why) {
    @Override
    public String toString() {
      return accelerator + " (" + why + ")";
    }
  }

  /** Checks a user's wish: {@code auto}, {@code kvm} or {@code tcg}. */
  static String checkWish(String wish) throws StorageException {
    if (!List.of("auto", "kvm", "tcg").contains(wish)) {
      throw new StorageException(
          StorageException.Kind.INVALID, "no accelerator '" + wish + "': use auto, kvm or tcg");
    }
    return wish;
  }

  Choice choose(Path qemu, GuestKernel kernel, Path initramfs) throws IOException {
    if (!Files.isReadable(device) || !Files.isWritable(device)) {
      String why = Files.exists(device) ? "no rights to open " + device : "there is no " + device;
      return new Choice("tcg", why);
    }
    String key =
        Files.getLastModifiedTime(qemu)
            + "|"
            + Files.size(qemu)
            + "|"
            + kernel.version()
            + "|"
            + ProcessIdentity.currentBootId();
    Path remembered =
        cacheDirectory.resolve(
            "kvm-" + UUID.nameUUIDFromBytes(key.getBytes(StandardCharsets.UTF_8)));
    try {
      String[] parts = Files.readString(remembered).strip().split(" ", 2);
      return new Choice(parts[0].equals("kvm") ? "kvm" : "tcg", parts[1]);
    } catch (IOException | ArrayIndexOutOfBoundsException e) {
      Choice choice = probe(qemu, kernel, initramfs);
      remember(remembered, choice);
      return choice;
    }
  }

  private void remember(Path file, Choice choice) {
    try {
      Files.createDirectories(cacheDirectory);
      Files.writeString(file, choice.accelerator() + " " + choice.why() + "\n");
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING, "can''t remember in {0} whether KVM works: {1}", file, e);
    }
  }

  private Choice probe(Path qemu, GuestKernel kernel, Path initramfs) throws IOException {
    Path output = Files.createTempFile("bailey-kvm-probe", ".log");
    Process process =
        new ProcessBuilder(
                qemu.toString(),
                "-M",
                "microvm,acpi=on",
                "-accel",
                "kvm",
                "-cpu",
                "max",
                "-m",
                "128",
                "-no-user-config",
                "-nodefaults",
                "-display",
                "none",
                "-no-reboot",
                "-serial",
                "stdio",
                "-kernel",
                kernel.vmlinuz().toString(),
                "-initrd",
                initramfs.toString(),
                "-append",
                "console=ttyS0 quiet reboot=t panic=-1 bailey.probe tsc_early_khz="
                    + HostCpu.tscKhz())
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      boolean ended = process.waitFor(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      String said = Files.readString(output, StandardCharsets.ISO_8859_1);
      if (said.contains("BAILEY probe ok")) {
        return new Choice("kvm", "a test guest booted with it");
      }
      String why = ended ? "QEMU gave up" : "a test guest hung for " + LIMIT.toSeconds() + " s";
      return new Choice("tcg", "KVM is there but doesn't work: " + why);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while probing KVM", e);
    } finally {
      var _ =
          process.destroyForcibly().onExit().completeOnTimeout(process, 2, TimeUnit.SECONDS).join();
      Files.deleteIfExists(output);
    }
  }
}
