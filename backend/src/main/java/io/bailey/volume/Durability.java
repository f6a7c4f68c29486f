package io.bailey.volume;

import io.bailey.io.Decoder;
import io.bailey.io.StorageException;

/** What a volume promises about power loss. Every volume survives the death of the daemon. */
public enum Durability {
  /** A completed flush survives power loss; of later writes a prefix does. */
  FLUSH(0),
  /** Every completed write survives power loss. */
  EVERY_WRITE(1),
  /** Ephemeral: nothing is promised past the host's life, and no disk is ever waited for. */
  NONE(2);

  /** What a root on disk says. */
  private final int code;

  Durability(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }

  static Durability of(int code, Decoder in) throws StorageException {
    for (Durability durability : values()) {
      if (durability.code == code) {
        return durability;
      }
    }
    throw in.damaged("has an unknown durability, " + code);
  }
}
