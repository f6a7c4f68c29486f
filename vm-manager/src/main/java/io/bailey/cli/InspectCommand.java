package io.bailey.cli;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows all that is known of one thing. */
@Command(
    name = "inspect",
    description = {
      "Show all that is known of an image, a volume or a VM.",
      "NAME:TAG is an image. NAME alone is a VM, else a volume, else the image NAME:latest."
    })
final class InspectCommand extends ClientCommand {
  @Parameters(arity = "1..*", paramLabel = "NAME", description = "What to show.")
  private List<String> names = List.of();

  @Option(names = "--json", description = "Print JSON objects, one line each, with their \"type\".")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    for (String name : names) {
      JsonObject found = find(daemon, name);
      if (json) {
        out().println(Json.line(found.fields()));
        continue;
      }
      int width = found.fields().keySet().stream().mapToInt(String::length).max().orElse(0);
      found
          .fields()
          .forEach(
              (field, value) ->
                  out()
                      .println(
                          field
                              + " ".repeat(width - field.length())
                              + "  "
                              + Table.printable(value == null ? "-" : value.toString())));
      if (found.string("durability").equals("none")) {
        out().println("This volume is ephemeral: nothing of it is promised past the host's life.");
      }
    }
  }

  private static JsonObject find(DaemonClient daemon, String name) throws IOException {
    if (!name.contains(":")) {
      for (String type : List.of("vm", "volume")) {
        Optional<JsonObject> found = daemon.find(type + "s", name);
        if (found.isPresent()) {
          return typed(type, found.get());
        }
      }
    }
    Optional<JsonObject> image = daemon.find("images", name);
    if (image.isEmpty()) {
      throw new DaemonException(
          "there is no "
              + (name.contains(":") ? "image '" : "VM, volume or image '")
              + name
              + "'; 'bailey ps', 'bailey volumes' and 'bailey images' list them",
          "NOT_FOUND");
    }
    return typed("image", image.get());
  }

  private static JsonObject typed(String type, JsonObject object) {
    JsonObject typed = JsonObject.empty().with("type", type);
    typed.fields().putAll(object.fields());
    return typed;
  }
}
