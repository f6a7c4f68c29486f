package io.bailey.cli;

import io.bailey.volume.OuterKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The options that say what opens a store. Where none is given, a store that wants a key file or a
 * passphrase gets systemd's credential of that name, or else asks at the terminal.
 */
final class KeyOptions implements OuterKey.Source {
  private static final String CREDENTIALS = "CREDENTIALS_DIRECTORY";

  @Option(
      names = "--key-file",
      paramLabel = "FILE",
      description = "The store opens with this file of 32 bytes, readable by its owner alone.")
  private @Nullable Path keyFile;

  @Option(
      names = "--passphrase-file",
      paramLabel = "FILE",
      description =
          "The store opens with the passphrase in the first line of this file, which is readable by"
              + " its owner alone; - is standard input.")
  private @Nullable Path passphraseFile;

  @Option(
      names = "--passphrase",
      description = "The store opens with a passphrase that is typed at the terminal.")
  private boolean passphrase;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  /** Fails for more than one of them. */
  void check() {
    long given =
        Stream.of(keyFile, passphraseFile, passphrase ? "" : null).filter(x -> x != null).count();
    if (given > 1) {
      throw new ParameterException(
          spec.commandLine(), "--key-file, --passphrase-file and --passphrase exclude each other");
    }
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
