package io.bailey.volume;

import io.bailey.crypto.KeyWrap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** What opens a store: it wraps the key-encryption key, which wraps the data keys. */
public sealed interface OuterKey {
  /** A key file (0600) that the store holds itself: the default, which asks nobody. */
  record InStore() implements OuterKey {}

  /**
   * A key file elsewhere.
   *
   * @param path for messages
   */
  record KeyFile(Path path, KeyWrap key) implements OuterKey {}

  /** A passphrase, in UTF-8. */
  record Passphrase(byte[] utf8) implements OuterKey {}

  /** The kinds, as a store records which is its own. */
  enum Kind {
    IN_STORE(1),
    KEY_FILE(2),
    PASSPHRASE(3);

    final int code;

    Kind(int code) {
      this.code = code;
    }
  }

  /** Which kind this is. */
  default Kind kind() {
    return switch (this) {
      case InStore _ -> Kind.IN_STORE;
      case KeyFile _ -> Kind.KEY_FILE;
      case Passphrase _ -> Kind.PASSPHRASE;
    };
  }

  /** Where a store gets its outer key from, when it opens. */
  @FunctionalInterface
  interface Source {
    /** The default: no more than what the store itself has. */
    Source NONE = recorded -> new InStore();

    /**
     * Reads, or asks for, the key.
     *
     * @param recorded the kind that opens the store; empty for one that is being made
     */
    OuterKey get(Optional<Kind> recorded) throws IOException;
  }
}
