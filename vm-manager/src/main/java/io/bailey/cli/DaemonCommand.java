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
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Runs the daemon. */
@Command(
    name = "daemon",
    sortOptions = false,
    description = {
      "Run the storage host in the foreground until TERM or Ctrl-C.",
      "Prints 'ready RUN_DIR/bailey.sock' on standard output when it serves; the log goes to"
          + " standard error."
    })
final class DaemonCommand implements Callable<Integer> {
  private static final long LEAST_MEMORY_BYTES = 16L << 20;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      description =
          "Where images and volumes lie, made if missing; else /var/lib/bailey for root and bailey"
              + " in the user's data directory for others.")
  private @Nullable Path store;

  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description =
          "Where the sockets go, made if missing; else BAILEY_RUN_DIR, else /run/bailey for root"
              + " and $XDG_RUNTIME_DIR/bailey for others.")
  private @Nullable Path runDirectory;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description =
          "For write buffers, indexes and the block cache together; a quarter of the machine's,"
              + " at most 2G, where it isn't given.")
  private @Nullable ByteSize memory;

  @Option(
      names = "--metrics-port",
      paramLabel = "PORT",
      description = "Serve /metrics on this TCP port of 127.0.0.1 too; 0 takes any.")
  private @Nullable Integer metricsPort;

  @Mixin private KeyOptions key = new KeyOptions();

  @Option(
      names = "--accept-rollback",
      description =
          "Serve also images and volumes whose roots are older than those that were last in use;"
              + " else they are left out.")
  private boolean acceptRollback;

  @Option(
      names = "--keep-vms",
      description =
          "Let VMs run on when the daemon stops: they wait for their disks until the next one on"
              + " the same directories, 30 s at most.")
  private boolean keepVms;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws IOException {
    key.check();
    if (memory != null && memory.bytes() < LEAST_MEMORY_BYTES) {
      throw new ParameterException(spec.commandLine(), "--memory is at least 16M");
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
