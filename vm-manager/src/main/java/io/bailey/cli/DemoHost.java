package io.bailey.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A temporary directory with a daemon of its own, which go together: at {@link #close}, and also
 * when this process is told to end.
 *
 * <p>The daemon is a real process in a session of its own, so that Ctrl-C reaches this process
 * alone, which then stops the daemon in order.
 */
final class DemoHost implements AutoCloseable {
  private static final int STOP_SECONDS = 30;
  private static final long REMOVE_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private final List<String> launcher;
  private final Path directory;
  private final Thread atExit = new Thread(this::cleanAtExit, "demo cleanup");
  private @Nullable Process daemon;
  private volatile boolean served;
  private volatile boolean cleaned;
  private boolean clean;

  DemoHost() throws IOException {
    this(launcher());
  }

  /**
   * @param launcher the words before those of the daemon's command
   */
  DemoHost(List<String> launcher) throws IOException {
    this.launcher = launcher;
    directory = Files.createTempDirectory("bailey-demo-");
    Runtime.getRuntime().addShutdownHook(atExit);
  }

  Path directory() {
    return directory;
  }

  Path log() {
    return directory.resolve("daemon.log");
  }

  /** Returns at once, or never where this process is being ended and its hook says what it did. */
  void waitIfEnding() {
    while (cleaned) {
      LockSupport.park();
    }
  }

  /** Starts the daemon and returns once it serves. */
  DaemonClient startDaemon() throws IOException {
    Path run = directory.resolve("run");
    List<String> command = new ArrayList<>(launcher);
    command.addAll(
        List.of(
            "daemon",
            "--store",
            directory.resolve("store").toString(),
            "--run-dir",
            run.toString()));
    Process process;
    synchronized (this) {
      if (cleaned) {
        throw new InterruptedIOException("interrupted");
      }
      process =
          new ProcessBuilder(command)
              .redirectError(log().toFile())
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .start();
      daemon = process;
    }
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      String line = out.readLine();
      if (line == null || !line.startsWith("ready ")) {
        throw new IOException("the daemon did not start: " + lastLine(log()));
      }
      served = true;
    }
    return new DaemonClient(run);
  }

  private static List<String> launcher() {
    String home = System.getProperty("bailey.home");
    if (home != null) {
      return List.of("setsid", home + "/bailey");
    }
    return List.of(
        "setsid",
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-cp",
        System.getProperty("java.class.path"),
        Bailey.class.getName());
  }

  private static String lastLine(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log);
    return lines.isEmpty() ? "it said nothing" : lines.getLast();
  }

  @Override
  public void close() {
    clean();
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The process is ending, and the hook found nothing left to do.
      return;
    }
  }

  /** Whether nothing was left at the end. */
  synchronized boolean isClean() {
    return clean;
  }

  private void cleanAtExit() {
    if (clean()) {
      System.err.println("bailey: interrupted: all of the demo is stopped and removed");
    }
  }

  /** Returns whether nothing is left. */
  private synchronized boolean clean() {
    if (!cleaned) {
      cleaned = true;
      boolean ended = daemon == null || end(daemon);
      clean = remove() && ended;
    }
    return clean;
  }

  /** Tries again for a while: what makes the image may still write, until its directory is gone. */
  private boolean remove() {
    long deadline = System.nanoTime() + REMOVE_NANOS;
    while (Files.exists(directory)) {
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      } catch (IOException | UncheckedIOException e) {
        if (System.nanoTime() - deadline > 0) {
          System.err.println("bailey: could not remove " + directory + ": " + e.getMessage());
          return false;
        }
        LockSupport.parkNanos(RETRY_NANOS);
      }
    }
    return true;
  }

  /** Returns whether it left nothing: one that served may have VMs and memory. */
  private boolean end(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("bailey: the demo's daemon did not stop in time and was killed");
        process.destroyForcibly().waitFor();
        return false;
      }
      if (!served || process.exitValue() == 0) {
        return true;
      }
      System.err.println("bailey: the demo's daemon did not stop cleanly: " + lastLine(log()));
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      System.err.println("bailey: the demo's daemon did not stop cleanly: " + e.getMessage());
    }
    return false;
  }
}
