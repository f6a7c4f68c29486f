package io.bailey.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Lists volumes. */
@Command(name = "volumes", description = "List the volumes and where each is served.")
final class VolumesCommand extends ClientCommand {
  @Option(names = "--json", description = "Print a JSON array.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    List<JsonObject> volumes = daemon.list("volumes");
    List<JsonObject> leftOut =
        daemon.list("left-out").stream().filter(one -> !one.string("name").contains(":")).toList();
    if (json) {
      List<JsonObject> all = new ArrayList<>(volumes);
      leftOut.forEach(one -> all.add(one.with("state", "left out")));
      out().println(Json.list(all));
      return;
    }
    Table table = new Table("VOLUME", "FROM", ">SIZE", "DURABILITY", ">CLIENTS", "CREATED", "URI");
    for (JsonObject volume : volumes) {
      table.row(
          volume.string("name"),
          orDash(volume.optional("from")),
          ByteSize.format(volume.number("size")),
          volume.string("durability"),
          volume.string("connections"),
          Moment.ago(volume.string("created")),
          volume.string("uri"));
    }
    print(table);
    LeftOut.show(out(), leftOut);
  }
}
