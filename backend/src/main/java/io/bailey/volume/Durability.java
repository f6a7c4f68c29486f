package io.bailey.volume;

/** What a volume promises about power loss. Every volume survives the death of the daemon. */
public enum Durability {
  /** A completed flush survives power loss; of later writes a prefix does. */
  FLUSH,
  /** Every completed write survives power loss. */
  EVERY_WRITE,
  /** Ephemeral: nothing is promised past the host's life, and no disk is ever waited for. */
  NONE
}
