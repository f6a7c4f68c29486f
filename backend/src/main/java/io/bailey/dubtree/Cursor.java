package io.bailey.dubtree;

import java.io.IOException;
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
}
