package io.bailey.cli;

import io.bailey.volume.OuterKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * The options that say what opens a store. Where none is given, a store that wants a key file or a
 * passphrase gets systemd's credential of that name, or else asks at the terminal.
 */
final class KeyOptions implements OuterKey.Source {
  private static final String CREDENTIALS = "CREDENTIALS_DIRECTORY";

  private @Nullable Path keyFile;
  private @Nullable Path passphraseFile;
  private boolean passphrase;

  /** Adds them to a command. */
  void addTo(CommandSpec command) {
    command
        .addOption(
            PlainOptions.value("--key-file", "FILE", Path.class, file -> keyFile = file)
                .description(
                    "The store opens with this file of 32 bytes, readable by its owner alone.")
                .build())
        .addOption(
            PlainOptions.value(
                    "--passphrase-file", "FILE", Path.class, file -> passphraseFile = file)
                .description(
                    "The store opens with the passphrase in the first line of this file, which is"
                        + " readable by its owner alone; - is standard input.")
                .build())
        .addOption(
            PlainOptions.flag("--passphrase", given -> passphrase = given)
                .description("The store opens with a passphrase that is typed at the terminal.")
                .build());
  }

  /** Fails for more than one of them. */
  void check(CommandLine line) {
    if (given() > 1) {
      throw new ParameterException(
          line, "--key-file, --passphrase-file and --passphrase exclude each other");
    }
  }

  /** Fails for any of them. */
  void checkNone(CommandLine line) {
    if (given() > 0) {
      throw new ParameterException(
          line, "a key is for --store; the daemon has opened its store already");
    }
  }

  private long given() {
    return Stream.of(keyFile, passphraseFile, passphrase ? "" : null)
        .filter(x -> x != null)
        .count();
  }

  @Override
  public OuterKey get(Optional<OuterKey.Kind> recorded) throws IOException {
    if (keyFile != null) {
      return KeyInput.keyFile(keyFile);
    }
    if (passphraseFile != null) {
      return KeyInput.passphraseFile(passphraseFile);
    }
    if (passphrase) {
      return KeyInput.typed(recorded.isEmpty());
    }
    boolean any = recorded.isEmpty();
    Optional<Path> key = credential("bailey.key");
    if (key.isPresent() && (any || recorded.get() == OuterKey.Kind.KEY_FILE)) {
      return KeyInput.keyFile(key.get());
    }
    Optional<Path> phrase = credential("bailey.passphrase");
    if (phrase.isPresent() && (any || recorded.get() == OuterKey.Kind.PASSPHRASE)) {
      return KeyInput.passphraseFile(phrase.get());
    }
    if (!any && recorded.get() == OuterKey.Kind.PASSPHRASE && KeyInput.terminal().isPresent()) {
      return KeyInput.typed(false);
    }
    return new OuterKey.InStore();
  }

  private static Optional<Path> credential(String name) {
    return Optional.ofNullable(System.getenv(CREDENTIALS))
        .map(directory -> Path.of(directory, name))
        .filter(Files::exists);
  }
}
