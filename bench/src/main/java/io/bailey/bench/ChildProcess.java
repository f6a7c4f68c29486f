package io.bailey.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /** Runs a command to its end and returns what it printed. */
  static String output(Path directory, List<String> command) throws IOException {
    try (ChildProcess child = start(directory, command)) {
      byte[] printed = child.process.getInputStream().readAllBytes();
      child.awaitEnd();
      if (child.process.exitValue() != 0) {
        throw child.failed("ended with exit code " + child.process.exitValue());
      }
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

  private void awaitEnd() throws IOException {
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        throw failed("didn't end within " + END_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
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
