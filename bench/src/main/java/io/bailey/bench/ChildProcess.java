package io.bailey.bench;

import io.bailey.volume.MemoryBudget;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A process that a benchmark started, with its complaints in a file. It ends with the owner. */
final class ChildProcess implements AutoCloseable {
  private static final long END_SECONDS = 60;
  private static final int MAX_COMPLAINT_CHARS = 500;

  private final Process process;
  private final Path complaints;
  private final String program;

  private ChildProcess(Process process, Path complaints, String program) {
    this.process = process;
    this.complaints = complaints;
    this.program = program;
  }

  static ChildProcess start(Path directory, List<String> command) throws IOException {
    Path complaints = directory.resolve("stderr");
    Process process = new ProcessBuilder(command).redirectError(complaints.toFile()).start();
    return new ChildProcess(process, complaints, command.getFirst());
  }

  /** The command that runs a class of this program with the daemon's options and AOT cache. */
  static List<String> java(long memoryBudgetBytes, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:FreqInlineSize=100",
            "-Xlog:disable",
            "-Xmx" + new MemoryBudget(memoryBudgetBytes).heapBytes(),
            "-Djava.library.path=" + System.getProperty("java.library.path")));
    String home = System.getProperty("bailey.home");
    if (home != null) {
      // Does nothing where the build could make none.
      command.add("-XX:AOTCache=" + Path.of(home, "daemon.aot"));
    }
    String more = System.getenv("BAILEY_JAVA_OPTS");
    if (more != null && !more.isBlank()) {
      command.addAll(Arrays.asList(more.strip().split("\\s+")));
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** Runs a command to its end and returns what it printed. */
  static String output(Path directory, List<String> command) throws IOException {
    try (ChildProcess child = start(directory, command)) {
      byte[] printed = child.process.getInputStream().readAllBytes();
      child.awaitSuccess();
      return new String(printed, StandardCharsets.UTF_8);
    }
  }

  Process process() {
    return process;
  }

  /** A failure with what the process had to say. */
  IOException failed(String what) throws IOException {
    String said = Files.readString(complaints, StandardCharsets.UTF_8).strip();
    String shown = said.substring(0, Math.min(said.length(), MAX_COMPLAINT_CHARS));
    return new IOException(program + " " + what + (shown.isEmpty() ? "" : ": " + shown));
  }

  /** Waits for a socket that the process makes. */
  void awaitSocket(Path socket) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(END_SECONDS);
    while (!Files.exists(socket)) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw failed("didn't serve " + socket);
      }
      sleep();
    }
  }

  private static void sleep() throws IOException {
    try {
      TimeUnit.MILLISECONDS.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** Waits for the process's end, and fails unless its exit code is 0. */
  void awaitSuccess() throws IOException {
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        throw failed("didn't end within " + END_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (process.exitValue() != 0) {
      throw failed("ended with exit code " + process.exitValue());
    }
  }

  /** Asks the process to end, and waits until it has. */
  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    process.destroy();
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
