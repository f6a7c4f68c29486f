package io.bailey.dubtree;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The memory that all presence sets of a host may take together. A run whose set doesn't fit does
 * without. Thread-safe.
 */
final class PresenceBudget {
  private final long maxBytes;
  private final AtomicLong used = new AtomicLong();

  PresenceBudget(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  boolean hasRoomFor(long bytes) {
    return used.get() + bytes <= maxBytes;
  }

  /** The set, charged, or null if it doesn't fit. */
  @Nullable PresenceSet admit(PresenceSet set) {
    long bytes = set.weightBytes();
    if (used.addAndGet(bytes) <= maxBytes) {
      return set;
    }
    used.addAndGet(-bytes);
    return null;
  }

  /** Gives back what {@link #admit} charged, if it did. */
  void release(@Nullable PresenceSet set) {
    if (set != null) {
      used.addAndGet(-set.weightBytes());
    }
  }

  long usedBytes() {
    return used.get();
  }
}
