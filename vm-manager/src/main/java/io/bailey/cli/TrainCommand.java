package io.bailey.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Runs the other client commands against a daemon that was started for this, so that the JVM can
 * write down what they load. The build calls it; nothing is left behind in the daemon.
 */
@Command(name = "train", hidden = true, description = "Exercise the client commands.")
final class TrainCommand extends ClientCommand {
  @Parameters(index = "0", paramLabel = "DISK", description = "A small raw disk.")
  private Path disk = Path.of("");

  @Override
  void run(DaemonClient daemon) {
    String directory = daemon.runDirectory().toString();
    for (List<String> command :
        List.of(
            List.of("import", disk.toString(), "train"),
            List.of("create", "train-1", "--from", "train"),
            List.of("create", "train-2", "--size", "1M", "--ephemeral", "--json"),
            List.of("images"),
            List.of("images", "--json"),
            List.of("volumes"),
            List.of("volumes", "--json"),
            List.of("stats"),
            List.of("stats", "train-1"),
            List.of("inspect", "train-1", "train:latest"),
            List.of("ps"),
            List.of("ps", "--json"),
            List.of("check"),
            List.of("commit", "train-1", "train:2"),
            List.of("rm", "train-1", "train-2", "train:latest", "train:2"))) {
      List<String> arguments = new ArrayList<>(command);
      arguments.add("--run-dir");
      arguments.add(directory);
      String[] words = arguments.toArray(String[]::new);
      // One that fails has loaded what there was to load.
      Bailey.commandLine(words).execute(words);
    }
  }
}
