package io.bailey.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes volumes. */
@Command(
    name = "create",
    description = {
      "Create volumes and serve each on a Unix socket of its own.",
      "Prints each volume's URI and a -drive line for QEMU. All are made, or none."
    })
final class CreateCommand extends ClientCommand {
  private static final Set<String> DURABILITIES = Set.of("flush", "every-write", "none");

  @Parameters(arity = "1..*", paramLabel = "VOL", description = "Names of the volumes.")
  private List<String> names = List.of();

  @Option(
      names = "--from",
      paramLabel = "IMAGE",
      description = "Start from this image; else from a disk of zeros.")
  private @Nullable String image;

  @Option(
      names = "--size",
      paramLabel = "N",
      converter = ByteSize.Converter.class,
      description = "Bytes, or with a unit as in 10G; the image's size where there is an image.")
  private @Nullable ByteSize size;

  @Option(
      names = "--durability",
      paramLabel = "WHEN",
      description =
          "What survives power loss: 'flush' (default) all that was flushed, 'every-write' all that"
              + " was written, 'none' nothing.")
  private @Nullable String durability;

  @Option(names = "--ephemeral", description = "The same as --durability none.")
  private boolean ephemeral;

  @Option(
      names = "--json",
      description = "Print {\"name\", \"uri\", \"socket\", \"drive\"}, one line a volume.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    if (image == null && size == null) {
      throw usage("Give --size, or --from an image");
    }
    if (durability != null && !DURABILITIES.contains(durability)) {
      throw usage("--durability is flush, every-write or none, not '" + durability + "'");
    }
    if (ephemeral && durability != null && !durability.equals("none")) {
      throw usage("--ephemeral contradicts --durability " + durability);
    }
    List<JsonObject> made = new ArrayList<>();
    try {
      for (String name : names) {
        made.add(daemon.post(request(name), "volumes"));
      }
    } catch (IOException e) {
      undo(daemon, made, e);
      throw e;
    }
    for (JsonObject volume : made) {
      if (json) {
        out().println(Json.line(volume.only("name", "uri", "socket", "drive").fields()));
      } else {
        out().println(volume.string("uri"));
        out().println("-drive " + volume.string("drive"));
      }
    }
  }

  private JsonObject request(String name) {
    return JsonObject.empty()
        .with("name", name)
        .with("from", image)
        .with("size", size == null ? null : size.bytes())
        .with("durability", ephemeral ? "none" : durability);
  }

  private static void undo(DaemonClient daemon, List<JsonObject> made, IOException cause) {
    for (JsonObject volume : made) {
      try {
        daemon.delete("volumes", volume.string("name"));
      } catch (IOException e) {
        cause.addSuppressed(e);
      }
    }
  }
}
