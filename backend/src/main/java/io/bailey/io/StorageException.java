package io.bailey.io;

import java.io.IOException;

/**
 * A failure that a user or a client can be told about. The message is one line that names the file,
 * offset or volume concerned and, where the user can do something, says what.
 */
public final class StorageException extends IOException {
  private static final long serialVersionUID = 1L;

  /** What went wrong, as far as a caller may want to act on it. */
  public enum Kind {
    /** The request itself is wrong: a bad name, size or file. */
    INVALID,
    /** No image or volume of that name. */
    NOT_FOUND,
    /** The name is taken. */
    EXISTS,
    /** The thing is used by something else: a store by a process, a volume by a VM. */
    IN_USE,
    /** The disk, or a budget, is full. */
    NO_SPACE,
    /** The device takes no writes. */
    READ_ONLY,
    /** Stored bytes are not the ones that were written. */
    DAMAGED,
    /** The device or the store is closed, or closing. */
    CLOSED,
    /** The file was written by a newer version. */
    TOO_NEW,
    /** The host failed to read, write or sync. */
    IO
  }

  private final Kind kind;

  public StorageException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public StorageException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }

  /** What another failure says, or of what kind it is where it says nothing. */
  public static String reasonOf(Throwable e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
