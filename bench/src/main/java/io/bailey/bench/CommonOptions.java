package io.bailey.bench;

import io.bailey.cli.ByteSize;
import io.bailey.daemon.DefaultPlaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that all measurements have, and what they do with them. */
final class CommonOptions {
  @Option(
      names = "--memory",
      order = 100,
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Bailey's memory budget; as the daemon's where it isn't given.")
  private @Nullable ByteSize memory;

  @Option(
      names = "--dir",
      order = 101,
      paramLabel = "DIR",
      description =
          "Where the disks go, each deleted once measured; else the temporary directory, and for"
              + " fleet /dev/shm.")
  private @Nullable Path directory;

  @Option(
      names = "--out",
      order = 102,
      paramLabel = "DIR",
      defaultValue = ".",
      description = "Where the reports go. Default: the working directory.")
  private Path out = Path.of(".");

  @Option(
      names = {"-h", "--help"},
      order = 103,
      usageHelp = true,
      description = "Show this and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  long memoryBudgetBytes() {
    return memory == null ? DefaultPlaces.memoryBudgetBytes() : memory.bytes();
  }

  Path directory() {
    return directoryOr(Path.of(System.getProperty("java.io.tmpdir")));
  }

  Path directoryOr(Path fallback) {
    return directory == null ? fallback : directory;
  }

  /** Where the reports go: a directory, made if there was none. */
  Path out() throws IOException {
    return Files.createDirectories(out);
  }

  /** Ends the command for wrong usage where a condition doesn't hold. */
  void require(boolean holds, String message) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }

  void print(List<String> lines) {
    lines.forEach(spec.commandLine().getOut()::println);
    spec.commandLine().getOut().flush();
  }
}
