package io.bailey.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what a VM printed. */
@Command(name = "logs", description = "Print what a VM wrote to its console.")
final class LogsCommand extends ClientCommand {
  @Parameters(index = "0", paramLabel = "VM", description = "The VM.")
  private String vm = "";

  @Option(
      names = {"-f", "--follow"},
      description = "Go on with what it writes, until it ends or Ctrl-C.")
  private boolean follow;

  @Override
  void run(DaemonClient daemon) throws IOException {
    // Bytes as they are: the console isn't ours to decode. Not closed, as it's the process's.
    OutputStream stdout = new FileOutputStream(FileDescriptor.out);
    daemon.console(vm, follow, stdout);
  }
}
