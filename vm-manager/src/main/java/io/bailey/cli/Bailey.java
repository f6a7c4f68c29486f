package io.bailey.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The {@code bailey} command. Exit codes: 0 done, 1 failed with one line on standard error, 2 wrong
 * usage.
 *
 * <p>A named subcommand is the only one that is built: all of them together take longer to set up
 * than most take to run.
 */
@Command(
    name = "bailey",
    description = "Copy-on-write disks for hundreds of QEMU micro-VMs.",
    mixinStandardHelpOptions = true,
    versionProvider = Bailey.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "'bailey COMMAND --help' says more. 'bailey demo' shows all of it at once, and 'bailey bench"
          + " random' measures it."
    })
public final class Bailey implements Runnable {
  private static final Map<String, Supplier<Object>> COMMANDS =
      Collections.unmodifiableMap(commands());

  @Spec private CommandSpec spec = CommandSpec.create();

  private static Map<String, Supplier<Object>> commands() {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("demo", DemoCommand::new);
    commands.put("daemon", DaemonCommand::spec);
    commands.put("import", ImportCommand::new);
    commands.put("images", ImagesCommand::new);
    commands.put("create", CreateCommand::new);
    commands.put("volumes", VolumesCommand::new);
    commands.put("commit", CommitCommand::new);
    commands.put("inspect", InspectCommand::new);
    commands.put("rm", RemoveCommand::new);
    commands.put("run", RunCommand::new);
    commands.put("ps", PsCommand::new);
    commands.put("logs", LogsCommand::new);
    commands.put("stop", StopCommand::new);
    commands.put("stats", StatsCommand::new);
    commands.put("top", TopCommand::new);
    commands.put("rekey", RekeyCommand::spec);
    commands.put("check", CheckCommand::spec);
    commands.put("train", TrainCommand::new);
    return commands;
  }

  /** Runs a command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    int code = commandLine(arguments).execute(arguments);
    System.out.flush();
    System.err.flush();
    if (arguments.length > 0 && arguments[0].equals("daemon")) {
      System.exit(code);
    }
    if (code == 0) {
      // Nothing of a client command runs any more, so the JVM ends by itself.
      return;
    }
    // Not exit: that asks for a logger, and loading one takes longer than the command did.
    Runtime.getRuntime().halt(code);
  }

  /** The command with the subcommand that the arguments name, or with all of them. */
  static CommandLine commandLine(String... arguments) {
    Supplier<Object> named = arguments.length == 0 ? null : COMMANDS.get(arguments[0]);
    CommandLine line;
    if (named != null) {
      // Nothing is asked of the command above it but its name.
      line = new CommandLine(CommandSpec.create().name("bailey"));
      line.addSubcommand(arguments[0], named.get());
    } else {
      line = new CommandLine(new Bailey());
      COMMANDS.forEach((name, command) -> line.addSubcommand(name, command.get()));
    }
    return line.setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
        .setParameterExceptionHandler(Bailey::wrongUsage)
        .setExecutionExceptionHandler((e, at, result) -> failed(e, at));
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Name a command");
  }

  private static int wrongUsage(ParameterException e, String[] arguments) {
    CommandLine at = e.getCommandLine();
    String name = at.getCommandSpec().qualifiedName();
    complain(at.getErr(), name, e.getMessage() + "; '" + name + " --help' says how");
    return CommandLine.ExitCode.USAGE;
  }

  private static int failed(Exception e, CommandLine at) {
    complain(at.getErr(), "bailey", describe(e));
    if (System.getenv("BAILEY_TRACE") != null) {
      e.printStackTrace(at.getErr());
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static void complain(PrintWriter err, String name, String message) {
    err.println(name + ": " + Table.printable(message.replaceAll("\\s*\\R\\s*", "; ")));
    err.flush();
  }

  /** What happened, in a line for people; the system's terse messages get their verb. */
  static String describe(Throwable e) {
    String message = Optional.ofNullable(e.getMessage()).orElse("");
    return switch (e) {
      case NoSuchFileException gone -> "there is no " + gone.getFile();
      case AccessDeniedException denied -> "no permission for " + denied.getFile();
      case FileAlreadyExistsException there -> there.getFile() + " exists";
      case IOException io when !message.isEmpty() -> message;
      default ->
          "unexpected "
              + e.getClass().getSimpleName()
              + (message.isEmpty() ? "" : ": " + message)
              + " (BAILEY_TRACE=1 in the environment shows where)";
    };
  }

  /** The version that the build wrote down; read without loading the daemon, which has it too. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() throws IOException {
      try (InputStream in = Bailey.class.getResourceAsStream("/io/bailey/daemon/version.txt")) {
        return new String[] {
          "bailey "
              + (in == null
                  ? "of an unknown version"
                  : new String(in.readAllBytes(), StandardCharsets.UTF_8).strip())
        };
      }
    }
  }
}
