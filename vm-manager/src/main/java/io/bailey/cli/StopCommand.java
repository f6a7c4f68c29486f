package io.bailey.cli;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Stops VMs. */
@Command(
    name = "stop",
    description = {
      "Ask VMs to power off, and end those that don't in time.",
      "A VM's volume goes when it ends; 'bailey commit' keeps it as an image before that."
    })
final class StopCommand extends ClientCommand {
  private static final Set<String> ENDED = Set.of("stopped", "failed");

  @Parameters(arity = "0..*", paramLabel = "VM", description = "Names of the VMs.")
  private List<String> names = List.of();

  @Option(names = "--all", description = "Stop every VM.")
  private boolean all;

  @Option(
      names = {"-t", "--timeout"},
      paramLabel = "SECONDS",
      description =
          "How long a VM may take to power off before it is ended, at most 3600; 10 where it isn't"
              + " given.")
  private @Nullable Integer timeoutSeconds;

  @Override
  void run(DaemonClient daemon) throws IOException {
    if (all == !names.isEmpty()) {
      throw usage("Name the VMs to stop, or give --all");
    }
    if (timeoutSeconds != null && timeoutSeconds < 0) {
      throw usage("--timeout is a number of seconds, not " + timeoutSeconds);
    }
    List<String> chosen = names;
    if (all) {
      chosen =
          daemon.list("vms").stream()
              .filter(vm -> !ENDED.contains(vm.string("state")))
              .map(vm -> vm.string("name"))
              .toList();
    }
    forEach(
        chosen,
        name -> {
          JsonObject vm =
              daemon.post(
                  JsonObject.empty().with("timeoutSeconds", timeoutSeconds), "vms", name, "stop");
          out().println(name + "  " + vm.string("state"));
          out().flush();
        });
  }
}
