package io.bailey.volume;

/** Hears how far a long task is. Called often, from the thread that works. */
@FunctionalInterface
public interface Progress {
  /** A listener that hears nothing. */
  Progress NONE = (done, total) -> {};

  /** {@code done} of {@code total} bytes. */
  void update(long done, long total);
}
