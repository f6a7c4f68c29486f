package io.bailey.bench;

import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The {@code bailey bench} command. Exit codes are those of {@code bailey}.
 *
 * <p>Design note: a main class of its own, which the launcher picks, so that no other command pays
 * for finding the benchmarks and their libraries.
 */
@Command(
    name = "bailey bench",
    description = "Measure disks.",
    mixinStandardHelpOptions = true,
    subcommands = {RandomCommand.class, NbdCommand.class, ScaleCommand.class, FleetCommand.class},
    synopsisSubcommandLabel = "COMMAND")
public final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  /** Runs a benchmark; the launcher's arguments begin with {@code bench}. */
  public static void main(String[] arguments) {
    int from = arguments.length > 0 && arguments[0].equals("bench") ? 1 : 0;
    System.exit(execute(Arrays.copyOfRange(arguments, from, arguments.length)));
  }

  static int execute(String... arguments) {
    return new CommandLine(new BenchCommand())
        .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(
            (e, words) -> {
              String name = e.getCommandLine().getCommandSpec().qualifiedName();
              complain(
                  e.getCommandLine(), name, e.getMessage() + "; '" + name + " --help' says how");
              return CommandLine.ExitCode.USAGE;
            })
        .setExecutionExceptionHandler(
            (e, at, result) -> {
              String message = e.getMessage();
              complain(at, "bailey bench", message == null ? e.toString() : message);
              if (System.getenv("BAILEY_TRACE") != null) {
                e.printStackTrace(at.getErr());
              }
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }

  private static void complain(CommandLine at, String name, String message) {
    at.getErr().println(name + ": " + message.replaceAll("\\s*\\R\\s*", "; "));
    at.getErr().flush();
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Name a benchmark: random, nbd, scale, fleet");
  }
}
