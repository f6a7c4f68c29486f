package io.bailey.dubtree;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Two cursors as one, the newer hiding what the older has in the same place. One thread. */
final class OverlayCursor implements Cursor {
  private final Cursor newer;
  private final Cursor older;
  private boolean begun;
  private @Nullable Entry top;
  private @Nullable Entry bottom;

  OverlayCursor(Cursor newer, Cursor older) {
    this.newer = newer;
    this.older = older;
  }

  @Override
  public @Nullable Entry next() throws IOException {
    if (!begun) {
      begun = true;
      top = newer.next();
      bottom = older.next();
    }
    while (top != null && bottom != null) {
      if (bottom.end() <= top.start()) {
        return takeBottom();
      }
      if (top.end() <= bottom.start()) {
        return takeTop();
      }
      if (bottom.start() < top.start()) {
        // Only zeros are longer than a block, so only they can begin before and overlap.
        Entry.Zeros before = new Entry.Zeros(bottom.start(), top.start());
        bottom = new Entry.Zeros(top.start(), bottom.end());
        return before;
      }
      if (bottom.end() <= top.end()) {
        bottom = older.next();
      } else {
        bottom = new Entry.Zeros(top.end(), bottom.end());
      }
    }
    return top != null ? takeTop() : bottom != null ? takeBottom() : null;
  }

  private @Nullable Entry takeTop() throws IOException {
    Entry taken = top;
    top = newer.next();
    return taken;
  }

  private @Nullable Entry takeBottom() throws IOException {
    Entry taken = bottom;
    bottom = older.next();
    return taken;
  }
}
