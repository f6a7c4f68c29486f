package io.bailey.cli;

import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Names a volume's content as an image. */
@Command(
    name = "commit",
    description = "Keep a volume's present content as an image; it may be in use meanwhile.")
final class CommitCommand extends ClientCommand {
  @Parameters(index = "0", paramLabel = "VOL", description = "The volume.")
  private String volume = "";

  @Parameters(index = "1", paramLabel = "NAME[:TAG]", description = "The image's name.")
  private String image = "";

  @Option(names = "--json", description = "Print the image as a JSON object.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    JsonObject made =
        daemon.post(JsonObject.empty().with("image", image), "volumes", volume, "commit");
    out()
        .println(
            json
                ? Json.line(made.fields())
                : made.string("name") + "  root " + made.string("root"));
  }
}
