package io.bailey.bench;

import io.bailey.volume.Durability;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** A volume of the engine in a process of its own, asked there or over NBD. */
final class EngineTarget implements Target {
  private final ChildProcess child;
  private final BufferedReader in;
  private final Writer out;
  private final Path socket;

  /**
   * Starts the process and makes the volume.
   *
   * @param memoryBudgetBytes of the engine
   * @param inProcess whether it is asked there, and not over NBD
   */
  EngineTarget(
      Workplace place,
      long memoryBudgetBytes,
      Durability durability,
      Workload workload,
      boolean inProcess)
      throws IOException {
    socket = place.run().resolve("d/s");
    List<String> command =
        ChildProcess.java(
            memoryBudgetBytes,
            EngineProcess.class,
            place.data().resolve("store").toString(),
            place.memory().toString(),
            socket.toString(),
            Long.toString(memoryBudgetBytes),
            durability.name(),
            Long.toString(workload.spanBytes()),
            Integer.toString(workload.operations()),
            Long.toString(workload.seed()));
    if (inProcess) {
      // The AOT cache tells what is hot in a daemon that serves NBD; here other ways are, and code
      // compiled by it stays slower. What it is right about here too is said by itself: that
      // cryptography is hot.
      command.addAll(
          1,
          List.of(
              "-XX:+IgnoreUnrecognizedVMOptions",
              "-XX:+UnlockDiagnosticVMOptions",
              "-XX:-AOTReplayTraining",
              "-XX:CompileCommand=quiet",
              compiledEarly("com.sun.crypto.provider"),
              compiledEarly("sun.security.provider")));
    }
    child = ChildProcess.start(place.run(), command);
    in = child.process().inputReader(StandardCharsets.UTF_8);
    out = child.process().outputWriter(StandardCharsets.UTF_8);
    boolean ready = false;
    try {
      answer("ready", 0);
      ready = true;
    } finally {
      if (!ready) {
        child.close();
      }
    }
  }

  private static String compiledEarly(String javaPackage) {
    return "-XX:CompileCommand=CompileThresholdScaling," + javaPackage + ".*::*,0.1";
  }

  Path socket() {
    return socket;
  }

  /** Deletes the volume and serves an empty one of another size in its place. */
  void renew(long sizeBytes) throws IOException {
    ask("renew " + sizeBytes, "renewed", 0);
  }

  private String[] ask(String command, String answer, int words) throws IOException {
    out.write(command + "\n");
    out.flush();
    return answer(answer, words);
  }

  private String[] answer(String wanted, int words) throws IOException {
    String line = in.readLine();
    if (line == null) {
      throw child.failed("ended early");
    }
    String[] found = line.split(" ", -1);
    if (found[0].equals("error")) {
      throw new IOException("the engine's process failed: " + line);
    }
    if (!found[0].equals("progress") && (!found[0].equals(wanted) || found.length != words + 1)) {
      throw new IOException("the engine's process answered '" + line + "'");
    }
    return found;
  }

  @Override
  public RoundRun.Times round(int round, RoundRun.Listener listener) throws IOException {
    String[] words = ask("run " + round, "times", 6);
    while (words[0].equals("progress")) {
      listener.done(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
      words = answer("times", 6);
    }
    return new RoundRun.Times(
        Integer.parseInt(words[1]),
        Long.parseLong(words[2]),
        Double.parseDouble(words[3]),
        Double.parseDouble(words[4]),
        Double.parseDouble(words[5]),
        Double.parseDouble(words[6]));
  }

  @Override
  public void settle() throws IOException {
    ask("settle", "settled", 0);
  }

  @Override
  public Usage usage() throws IOException {
    String[] counts = ask("count", "counts", 4);
    return Usage.ofProcess(child.process().toHandle())
        .withHost(Long.parseLong(counts[1]), Long.parseLong(counts[2]));
  }

  @Override
  public void close() throws IOException {
    child.close();
  }
}
