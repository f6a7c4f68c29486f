package io.bailey.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Lists images. */
@Command(name = "images", description = "List the images.")
final class ImagesCommand extends ClientCommand {
  @Option(names = "--json", description = "Print a JSON array.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    List<JsonObject> images = daemon.list("images");
    List<JsonObject> leftOut =
        daemon.list("left-out").stream().filter(one -> one.string("name").contains(":")).toList();
    if (json) {
      List<JsonObject> all = new ArrayList<>(images);
      leftOut.forEach(one -> all.add(one.with("state", "left out")));
      out().println(Json.list(all));
      return;
    }
    Table table = new Table("IMAGE", ">SIZE", ">STORED", "ROOT", "CREATED");
    for (JsonObject image : images) {
      String root = image.string("root");
      table.row(
          image.string("name"),
          ByteSize.format(image.number("size")),
          ByteSize.format(image.number("storedBytes")),
          root.substring(0, Math.min(12, root.length())),
          Moment.ago(image.string("created")));
    }
    print(table);
    LeftOut.show(out(), leftOut);
  }
}
