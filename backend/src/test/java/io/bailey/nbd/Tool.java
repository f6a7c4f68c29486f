package io.bailey.nbd;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A Debian program that a test runs, with a limit to its time. Where the program is missing, the
 * test fails and says which package has it.
 *
 * @param exitCode 0 where it was content
 * @param out what it printed
 * @param err what it printed to standard error
 */
public record Tool(int exitCode, String out, String err) {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Map<String, String> PACKAGES =
      Map.ofEntries(
          Map.entry("nbdinfo", "libnbd-bin"),
          Map.entry("nbdcopy", "libnbd-bin"),
          Map.entry("/usr/bin/python3", "python3-libnbd"),
          Map.entry("nbdkit", "nbdkit"),
          Map.entry("fio", "fio"),
          Map.entry("qemu-io", "qemu-utils"),
          Map.entry("qemu-img", "qemu-utils"),
          Map.entry("qemu-system-x86_64", "qemu-system-x86"),
          Map.entry("socat", "socat"),
          Map.entry("setpriv", "util-linux"),
          Map.entry("/sbin/mkfs.ext4", "e2fsprogs"),
          Map.entry("/sbin/mkfs.xfs", "xfsprogs"),
          Map.entry("/usr/sbin/xfs_io", "xfsprogs"));

  /** Runs a program to its end and expects it to be content. */
  public static Tool run(String... command) throws IOException {
    return run(List.of(command));
  }

  /** Like {@link #run(String...)}. */
  public static Tool run(List<String> command) throws IOException {
    Tool result = tryRun(LIMIT, command);
    if (result.exitCode != 0) {
      throw new AssertionError(
          command + " ended with " + result.exitCode + ":\n" + result.out + result.err);
    }
    return result;
  }

  /** Runs a program to its end, however that is; one that takes longer is killed, and fails. */
  public static Tool tryRun(Duration limit, List<String> command) throws IOException {
    Path out = Files.createTempFile("tool", ".out");
    Path err = Files.createTempFile("tool", ".err");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      boolean ended = false;
      try {
        ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        if (!ended) {
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly();
        }
      }
      String printed = Files.readString(out, UTF_8);
      String complaints = Files.readString(err, UTF_8);
      if (!ended) {
        throw new AssertionError(
            command + " did not end within " + limit + ":\n" + printed + complaints);
      }
      return new Tool(process.exitValue(), printed, complaints);
    } catch (IOException e) {
      String name = command.getFirst();
      if (PACKAGES.containsKey(name) && !isInstalled(name)) {
        throw new AssertionError(name + " is missing: apt-get install " + PACKAGES.get(name), e);
      }
      throw e;
    } finally {
      Files.deleteIfExists(out);
      Files.deleteIfExists(err);
    }
  }

  private static boolean isInstalled(String name) {
    return List.of("/usr/bin", "/bin", "/usr/sbin").stream()
        .anyMatch(directory -> Files.isExecutable(Path.of(directory).resolve(name)));
  }
}
