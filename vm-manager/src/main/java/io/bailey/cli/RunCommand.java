package io.bailey.cli;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Starts VMs. */
@Command(
    name = "run",
    description = "Start VMs, each on a private copy-on-write volume over an image.")
final class RunCommand extends ClientCommand {
  @Parameters(index = "0", paramLabel = "IMAGE", description = "The image that they start from.")
  private String image = "";

  @Option(
      names = {"-n", "--count"},
      paramLabel = "N",
      description = "How many; 1 where it isn't given.")
  private @Nullable Integer count;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "The VM's name; of several, what their names begin with.")
  private @Nullable String name;

  @Option(
      names = "--machine",
      paramLabel = "TYPE",
      description = "A file of qemu-configs: microvm (default) or q35.")
  private @Nullable String machine;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Memory of each, whole MiB, as in 256M.")
  private @Nullable ByteSize memory;

  @Option(names = "--cpus", paramLabel = "N", description = "CPUs of each.")
  private @Nullable Integer cpus;

  @Option(
      names = "--accel",
      paramLabel = "ACCEL",
      description = "kvm, tcg, or auto (default): kvm where it was tried and works.")
  private @Nullable String accel;

  @Option(names = "--json", description = "Print a JSON array.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    if (count != null && count < 1) {
      throw usage("-n is at least 1, not " + count);
    }
    if (cpus != null && cpus < 1) {
      throw usage("--cpus is at least 1, not " + cpus);
    }
    if (memory != null && (memory.bytes() == 0 || memory.bytes() % (1 << 20) != 0)) {
      throw usage("--memory is a whole number of MiB, such as 256M");
    }
    JsonObject request =
        JsonObject.empty()
            .with("image", image)
            .with("count", count)
            .with("name", name)
            .with("machine", machine)
            .with("memoryMiB", memory == null ? null : memory.bytes() >> 20)
            .with("cpus", cpus)
            .with("accel", accel);
    List<JsonObject> vms = daemon.postForList(request, "vms");
    if (json) {
      out().println(Json.list(vms));
    } else {
      print(PsCommand.table(vms));
    }
  }
}
