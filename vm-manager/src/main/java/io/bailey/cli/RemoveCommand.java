package io.bailey.cli;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Removes VMs, volumes and images. */
@Command(
    name = "rm",
    description = {
      "Remove VMs, volumes and images.",
      "NAME:TAG is an image, always with its tag. NAME alone is a VM, which goes with its volume,"
          + " else a volume. What is in use stays, unless --force is given."
    })
final class RemoveCommand extends ClientCommand {
  private static final Set<String> ENDED = Set.of("stopped", "failed");

  @Parameters(arity = "1..*", paramLabel = "NAME", description = "What to remove.")
  private List<String> names = List.of();

  @Option(
      names = {"-f", "--force"},
      description = "End VMs that run, and cut clients off from volumes.")
  private boolean force;

  @Override
  void run(DaemonClient daemon) throws IOException {
    forEach(
        names,
        name -> {
          remove(daemon, name);
          out().println(name);
          out().flush();
        });
  }

  private void remove(DaemonClient daemon, String name) throws IOException {
    if (name.contains(":")) {
      daemon.delete("images", name);
      return;
    }
    Optional<JsonObject> vm = daemon.find("vms", name);
    if (vm.isPresent()) {
      if (!force && !ENDED.contains(vm.get().string("state"))) {
        throw inUse("VM " + name + " is " + vm.get().string("state") + ": stop it first");
      }
      daemon.delete("vms", name);
      return;
    }
    if (daemon.list("left-out").stream().anyMatch(one -> one.string("name").equals(name))) {
      daemon.delete("volumes", name);
      return;
    }
    Optional<JsonObject> volume = daemon.find("volumes", name);
    if (volume.isEmpty()) {
      throw new DaemonException(
          "there is no VM or volume '" + name + "'; an image needs its tag: " + name + ":latest",
          "NOT_FOUND");
    }
    long clients = volume.get().number("connections");
    if (!force && clients > 0) {
      throw inUse("volume " + name + " has " + clients + " clients: end them first");
    }
    daemon.delete("volumes", name);
  }

  private static DaemonException inUse(String what) {
    return new DaemonException(what + ", or remove it with --force", "IN_USE");
  }
}
