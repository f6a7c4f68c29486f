package io.bailey.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the daemon. */
@Command(
    name = "daemon",
    description = {
      "Run the storage host in the foreground until TERM or Ctrl-C.",
      "Prints 'ready RUN_DIR/bailey.sock' on standard output when it serves; the log goes to"
          + " standard error."
    },
    mixinStandardHelpOptions = true)
final class DaemonCommand implements Callable<Integer> {
  @Option(
      names = "--store",
      paramLabel = "DIR",
      description =
          "Where images and volumes lie; /var/lib/bailey for root, else bailey in the user's data"
              + " directory.")
  private @Nullable Path store;

  @Override
  public Integer call() {
    throw new UnsupportedOperationException(String.valueOf(store));
  }
}
