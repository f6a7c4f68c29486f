package io.bailey.nbd;

import java.util.concurrent.atomic.AtomicLong;

/**
 * What the requests that wait and the replies that nobody has taken hold in memory, over all
 * connections of a server. Thread-safe.
 *
 * <p>A connection may hold a share of what is free at that moment, and one short request in any
 * case. So one that is alone may hold much; however many hold as much as they can, something is
 * left for the next one; and nobody waits for another's client, only for its own requests to end.
 */
final class RequestMemory {
  static final long TOTAL_BYTES = 48 << 20;

  private static final int SHARE = 8;

  private final AtomicLong used = new AtomicLong();

  /**
   * Counts bytes if the connection's share has room for them.
   *
   * @param held what the connection holds already
   */
  boolean tryTake(long held, long bytes) {
    long before = used.get();
    while (held + bytes <= (TOTAL_BYTES - before) / SHARE) {
      if (used.compareAndSet(before, before + bytes)) {
        return true;
      }
      before = used.get();
    }
    return false;
  }

  /** Counts what a connection may hold in any case. */
  void take(long bytes) {
    used.addAndGet(bytes);
  }

  void give(long bytes) {
    used.addAndGet(-bytes);
  }

  long usedBytes() {
    return used.get();
  }
}
