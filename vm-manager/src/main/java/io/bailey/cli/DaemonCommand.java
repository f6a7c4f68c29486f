package io.bailey.cli;

import io.bailey.daemon.BaileyDaemon;
import io.bailey.daemon.DaemonOptions;
import io.bailey.daemon.DefaultPlaces;
import io.bailey.vm.VmExtension;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Runs the daemon. */
final class DaemonCommand implements Callable<Integer> {
  private static final long LEAST_MEMORY_BYTES = 32L << 20;

  private @Nullable Path store;
  private @Nullable Path runDirectory;
  private @Nullable ByteSize memory;
  private @Nullable Integer metricsPort;
  private boolean acceptRollback;
  private boolean keepVms;
  private final KeyOptions key = new KeyOptions();
  private final CommandSpec spec = CommandSpec.wrapWithoutInspection(this).name("daemon");

  private DaemonCommand() {}

  /** The command, its options in the order in which the help has them. */
  static CommandSpec spec() {
    DaemonCommand command = new DaemonCommand();
    command.describe();
    return command.spec;
  }

  private void describe() {
    spec.usageMessage()
        .sortOptions(false)
        .description(
            "Run the storage host in the foreground until TERM or Ctrl-C.",
            "Prints 'ready RUN_DIR/bailey.sock' on standard output when it serves; the log goes to"
                + " standard error.");
    spec.addOption(
        PlainOptions.value("--store", "DIR", Path.class, directory -> store = directory)
            .description(
                "Where images and volumes lie, made if missing; else /var/lib/bailey for root and"
                    + " bailey in the user's data directory for others.")
            .build());
    spec.addOption(
        PlainOptions.value("--run-dir", "DIR", Path.class, directory -> runDirectory = directory)
            .description(
                "Where the sockets go, made if missing; else BAILEY_RUN_DIR, else /run/bailey for"
                    + " root and $XDG_RUNTIME_DIR/bailey for others.")
            .build());
    spec.addOption(
        PlainOptions.value("--memory", "SIZE", ByteSize.class, size -> memory = size)
            .converters(new ByteSize.Converter())
            .description(
                "For write buffers, indexes and the block cache together; a quarter of the"
                    + " machine's, at most 2G, where it isn't given.")
            .build());
    spec.addOption(
        PlainOptions.value("--metrics-port", "PORT", Integer.class, port -> metricsPort = port)
            .description("Serve /metrics on this TCP port of 127.0.0.1 too; 0 takes any.")
            .build());
    key.addTo(spec);
    spec.addOption(
        PlainOptions.flag("--accept-rollback", given -> acceptRollback = given)
            .description(
                "Serve also images and volumes whose roots are older than those that were last in"
                    + " use; else they are left out.")
            .build());
    spec.addOption(
        PlainOptions.flag("--keep-vms", given -> keepVms = given)
            .description(
                "Let VMs run on when the daemon stops: they wait for their disks until the next"
                    + " one on the same directories, 30 s at most.")
            .build());
    spec.addOption(PlainOptions.help());
  }

  @Override
  public Integer call() throws IOException {
    key.check(spec.commandLine());
    if (memory != null && memory.bytes() < LEAST_MEMORY_BYTES) {
      throw new ParameterException(spec.commandLine(), "--memory is at least 32M");
    }
    if (metricsPort != null && (metricsPort < 0 || metricsPort > 65535)) {
      throw new ParameterException(spec.commandLine(), "--metrics-port is 0 to 65535");
    }
    if (store != null && Files.exists(store) && !Files.isDirectory(store)) {
      throw new IOException(store + " is no directory: give another with --store");
    }
    DefaultPlaces places = DefaultPlaces.ofThisProcess();
    DaemonOptions options =
        new DaemonOptions(
            store == null ? places.store() : store,
            runDirectory == null ? places.runDirectory() : runDirectory,
            memory == null ? DefaultPlaces.memoryBudgetBytes() : memory.bytes(),
            metricsPort == null ? OptionalInt.empty() : OptionalInt.of(metricsPort),
            key,
            acceptRollback);
    PrintWriter out = spec.commandLine().getOut();
    return BaileyDaemon.run(
        options,
        List.of(new VmExtension(keepVms)),
        socket -> {
          out.println("ready " + socket);
          out.flush();
        });
  }
}
