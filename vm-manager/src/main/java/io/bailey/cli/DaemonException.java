package io.bailey.cli;

import java.io.IOException;

/** What the daemon answered instead of doing what it was asked; the message is for the user. */
final class DaemonException extends IOException {
  private static final long serialVersionUID = 1L;
  private final String kind;

  DaemonException(String message, String kind) {
    super(message);
    this.kind = kind;
  }

  /** The kind of a {@code StorageException}, such as {@code NOT_FOUND}. */
  String kind() {
    return kind;
  }
}
