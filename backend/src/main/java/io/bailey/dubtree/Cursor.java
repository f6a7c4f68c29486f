package io.bailey.dubtree;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Entries in the order of their blocks, none overlapping. One thread. */
@FunctionalInterface
public interface Cursor {
  /** The next entry, or null at the end. */
  @Nullable Entry next() throws IOException;

  /** Two cursors as one, the newer hiding what the older has in the same place. */
  static Cursor overlay(Cursor newer, Cursor older) {
    return new OverlayCursor(newer, older);
  }

  /**
   * This one until it isn't wanted any more.
   *
   * @param cancelled asked before each entry; once it says so, {@link #next} fails, kind {@code
   *     CLOSED}
   */
  default Cursor until(BooleanSupplier cancelled) {
    return () -> {
      if (cancelled.getAsBoolean()) {
        throw new StorageException(
            Kind.CLOSED, "a run that was being written isn't wanted any more");
      }
      return next();
    };
  }
}
