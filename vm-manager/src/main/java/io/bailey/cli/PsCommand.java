package io.bailey.cli;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Lists VMs. */
@Command(name = "ps", description = "List the VMs, running or not.")
final class PsCommand extends ClientCommand {
  @Option(names = "--json", description = "Print a JSON array.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    List<JsonObject> vms = daemon.list("vms");
    if (json) {
      out().println(Json.list(vms));
    } else {
      print(table(vms));
    }
  }

  static Table table(List<JsonObject> vms) {
    Table table =
        new Table("VM", "IMAGE", "STATE", ">PID", "MACHINE", "ACCEL", ">BOOT", "STARTED", "REASON");
    for (JsonObject vm : vms) {
      table.row(
          vm.string("name"),
          vm.string("image"),
          vm.string("state"),
          orDash(vm.optional("pid")),
          vm.string("machine"),
          vm.string("accel"),
          seconds(vm),
          Moment.ago(vm.string("started")),
          vm.string("reason"));
    }
    return table;
  }

  /** How long the VM took to boot, or a dash while it isn't up. */
  static String seconds(JsonObject vm) {
    return vm.has("bootSeconds")
        ? String.format(Locale.ROOT, "%.1f s", vm.decimal("bootSeconds"))
        : "-";
  }
}
