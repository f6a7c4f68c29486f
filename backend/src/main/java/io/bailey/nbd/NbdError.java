package io.bailey.nbd;

import io.bailey.io.StorageException;

/** The errors that the protocol knows, with their numbers on the wire. */
enum NbdError {
  OK(0, ""),
  EPERM(1, "the export is read-only"),
  EIO(5, "the device failed"),
  ENOMEM(12, "no memory"),
  EINVAL(22, "invalid request"),
  ENOSPC(28, "no space left, or past the end"),
  EOVERFLOW(75, "too long for one chunk"),
  ESHUTDOWN(108, "the export is being stopped");

  private final int number;
  private final String text;

  NbdError(int number, String text) {
    this.number = number;
    this.text = text;
  }

  int number() {
    return number;
  }

  /** A few ASCII words for the client's log; some clients disconnect on long ones. */
  String text() {
    return text;
  }

  /** What a client is told about a failure of the device. */
  static NbdError of(Throwable failure) {
    if (failure instanceof OutOfMemoryError) {
      return ENOMEM;
    }
    if (!(failure instanceof StorageException known)) {
      return EIO;
    }
    return switch (known.kind()) {
      case NO_SPACE -> ENOSPC;
      case READ_ONLY -> EPERM;
      case CLOSED -> ESHUTDOWN;
      case INVALID, NOT_FOUND, EXISTS, IN_USE, DAMAGED, TOO_NEW, IO -> EIO;
    };
  }
}
