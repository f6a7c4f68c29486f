package io.bailey.cli;

import io.bailey.daemon.DefaultPlaces;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that asks a running daemon. */
@Command(sortOptions = false)
abstract class ClientCommand implements Callable<Integer> {
  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description =
          "The daemon's run directory; else BAILEY_RUN_DIR, else /run/bailey for root and"
              + " $XDG_RUNTIME_DIR/bailey for others.")
  private @Nullable Path runDirectory;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public final Integer call() throws Exception {
    run();
    out().flush();
    return 0;
  }

  /** Does it; what needs no daemon then needs no run directory either. */
  void run() throws IOException {
    Path directory =
        runDirectory == null ? DefaultPlaces.ofThisProcess().runDirectory() : runDirectory;
    run(new DaemonClient(directory.toAbsolutePath().normalize()));
  }

  /** Does it; an exception is exit code 1, a {@link #usage} exception 2. */
  abstract void run(DaemonClient daemon) throws IOException;

  final CommandLine line() {
    return spec.commandLine();
  }

  final PrintWriter out() {
    return line().getOut();
  }

  final PrintWriter err() {
    return line().getErr();
  }

  final void print(Table table) {
    table.lines().forEach(out()::println);
  }

  /** A failure of the kind that {@code --help} answers. */
  final ParameterException usage(String message) {
    return new ParameterException(line(), message);
  }

  /** Does the same to each name: all are tried, and the first failure is the command's. */
  static void forEach(List<String> names, Action action) throws IOException {
    IOException first = null;
    List<String> later = new ArrayList<>();
    for (String name : names) {
      try {
        action.apply(name);
      } catch (DaemonException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
          later.add(name);
        }
      }
    }
    if (first != null) {
      throw later.isEmpty()
          ? first
          : new IOException(
              first.getMessage() + " (and these failed: " + String.join(", ", later) + ")", first);
    }
  }

  /** What {@link #forEach} does to a name. */
  interface Action {
    void apply(String name) throws IOException;
  }

  /** A text, or a dash where there is none. */
  static String orDash(Optional<String> text) {
    return text.orElse("-");
  }
}
