package io.bailey.bench;

import io.bailey.volume.Durability;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
   * @param run for the socket and what the process complains of
   * @param store where the data goes
   * @param memory on a memory file system
   */
  EngineTarget(
      Path run,
      Path store,
      Path memory,
      long memoryBudgetBytes,
      Durability durability,
      Workload workload)
      throws IOException {
    socket = run.resolve("d/s");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Xlog:disable",
            "-Djava.library.path=" + System.getProperty("java.library.path")));
    String more = System.getenv("BAILEY_JAVA_OPTS");
    if (more != null && !more.isBlank()) {
      command.addAll(Arrays.asList(more.strip().split("\\s+")));
    }
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            EngineProcess.class.getName(),
            store.toString(),
            memory.toString(),
            socket.toString(),
            Long.toString(memoryBudgetBytes),
            durability.name(),
            Long.toString(workload.spanBytes()),
            Integer.toString(workload.operations()),
            Long.toString(workload.seed())));
    child = ChildProcess.start(run, command);
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

  Path socket() {
    return socket;
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
    String[] words = ask("run " + round, "times", 4);
    while (words[0].equals("progress")) {
      listener.done(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
      words = answer("times", 4);
    }
    return new RoundRun.Times(
        Integer.parseInt(words[1]),
        Long.parseLong(words[2]),
        Double.parseDouble(words[3]),
        Double.parseDouble(words[4]));
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
