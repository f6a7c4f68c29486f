package io.bailey.bench;

/** What {@code bench scale} measures. */
enum ScalePart {
  /** Forks of a large image. */
  FORK,

  /** Opening a store of many volumes. */
  OPEN,

  /** A daemon's memory with many idle volumes. */
  IDLE,

  /** A volume as large as can be. */
  LARGE,

  /** Opening a store after a power cut with a long log. */
  LOG
}
