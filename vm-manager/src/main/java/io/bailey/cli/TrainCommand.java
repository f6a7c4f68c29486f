package io.bailey.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Runs the other client commands against a daemon that was started for this, and has it serve
 * disks, so that both JVMs can write down what they load and what they do often. The build calls
 * it; nothing is left behind in the daemon.
 */
@Command(name = "train", hidden = true, description = "Exercise the client commands.")
final class TrainCommand extends ClientCommand {
  private static final long DISK_BYTES = 64 << 20;

  /** A sixth of that gained a new daemon half as much. */
  private static final int BATCHES = 6000;

  @Parameters(index = "0", paramLabel = "DISK", description = "A small raw disk.")
  private Path disk = Path.of("");

  @Override
  void run(DaemonClient daemon) throws IOException {
    run(
        daemon,
        List.of(
            List.of("import", disk.toString(), "train"),
            List.of("create", "train-1", "--from", "train", "--size", DISK_BYTES + ""),
            List.of("create", "train-2", "--size", DISK_BYTES + "", "--ephemeral", "--json")));
    for (String volume : List.of("train-1", "train-2")) {
      Path socket = Path.of(daemon.get("volumes", volume).string("socket"));
      try (TrainingDisk training = TrainingDisk.connect(socket, volume)) {
        training.exercise(DISK_BYTES, BATCHES);
      }
    }
    run(
        daemon,
        List.of(
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
            List.of("rm", "train-1", "train-2", "train:latest", "train:2")));
  }

  private static void run(DaemonClient daemon, List<List<String>> commands) {
    for (List<String> command : commands) {
      List<String> arguments = new ArrayList<>(command);
      arguments.add("--run-dir");
      arguments.add(daemon.runDirectory().toString());
      String[] words = arguments.toArray(String[]::new);
      // One that fails has loaded what there was to load.
      Bailey.commandLine(words).execute(words);
    }
  }
}
