package io.bailey.cli;

import io.bailey.daemon.BaileyDaemon;
import io.bailey.daemon.DaemonOptions;
import io.bailey.daemon.DefaultPlaces;
import io.bailey.volume.OuterKey;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Changes what a store opens with. */
@Command(
    name = "rekey",
    sortOptions = false,
    description = {
      "Change what a store opens with: a key file, a passphrase, or a file in the store itself.",
      "No daemon may have the store. Data isn't written again, only the small records that hold"
          + " its keys. If it is interrupted, the store opens with the old key or with the new one."
    })
final class RekeyCommand implements Callable<Integer> {
  @Option(
      names = "--store",
      paramLabel = "DIR",
      description = "The store; else as 'bailey daemon' has it.")
  private @Nullable Path store;

  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description = "The run directory of its daemon; else as 'bailey daemon' has it.")
  private @Nullable Path runDirectory;

  private final KeyOptions key = new KeyOptions();

  @Option(
      order = 1,
      names = "--to-key-file",
      paramLabel = "FILE",
      description = "From now on the store opens with this key file.")
  private @Nullable Path toKeyFile;

  @Option(
      order = 1,
      names = "--to-passphrase-file",
      paramLabel = "FILE",
      description = "From now on it opens with the passphrase in this file; - is standard input.")
  private @Nullable Path toPassphraseFile;

  @Option(
      order = 1,
      names = "--to-passphrase",
      description = "From now on it opens with a passphrase that is typed at the terminal.")
  private boolean toPassphrase;

  @Option(
      order = 1,
      names = "--to-store-key",
      description = "From now on it opens with a fresh key file that it holds itself.")
  private boolean toStoreKey;

  @Option(
      order = 2,
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Spec private CommandSpec spec = CommandSpec.create();

  static CommandSpec spec() {
    RekeyCommand command = new RekeyCommand();
    CommandSpec spec = CommandSpec.forAnnotatedObject(command);
    command.key.addTo(spec);
    return spec;
  }

  @Override
  public Integer call() throws IOException {
    key.check(spec.commandLine());
    OuterKey.Source next = next();
    DefaultPlaces places = DefaultPlaces.ofThisProcess();
    Path where = store == null ? places.store() : store;
    BaileyDaemon.rekey(
        new DaemonOptions(
            where,
            runDirectory == null ? places.runDirectory() : runDirectory,
            DefaultPlaces.memoryBudgetBytes(),
            OptionalInt.empty(),
            key,
            false),
        next);
    spec.commandLine().getOut().println("store " + where + " has a new key");
    spec.commandLine().getOut().flush();
    return 0;
  }

  private OuterKey.Source next() {
    List<OuterKey.Source> given = new ArrayList<>();
    if (toKeyFile != null) {
      Path file = toKeyFile;
      given.add(made -> KeyInput.keyFile(file));
    }
    if (toPassphraseFile != null) {
      Path file = toPassphraseFile;
      given.add(made -> KeyInput.passphraseFile(file));
    }
    if (toPassphrase) {
      given.add(made -> KeyInput.typed(true));
    }
    if (toStoreKey) {
      given.add(OuterKey.Source.NONE);
    }
    if (given.size() != 1) {
      throw new ParameterException(
          spec.commandLine(),
          "Give one of --to-key-file, --to-passphrase-file, --to-passphrase and --to-store-key");
    }
    return given.getFirst();
  }
}
