package io.bailey.volume;

import java.util.concurrent.atomic.AtomicLong;

/** What the journal indexes of all volumes may take of the host's memory. Thread-safe. */
final class IndexMemory {
  /** Of the log's own indexes that a start reads in a tenth of a second or two. */
  private static final long MAX_START_BYTES = 8 << 20;

  private final long maxBytes;
  private final AtomicLong bytes = new AtomicLong();

  IndexMemory(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Notes that an index grew, or shrank. */
  void add(long more) {
    bytes.addAndGet(more);
  }

  /** Whether volumes are to be sorted so that there is room. */
  boolean isLow() {
    return bytes.get() > maxBytes - maxBytes / 4;
  }

  /** Bytes of the log's own indexes that a start may have to read, however little is live. */
  long startBytes() {
    return Math.min(MAX_START_BYTES, maxBytes / 8);
  }

  /** Whether nothing may be added. */
  boolean isFull() {
    return bytes.get() > maxBytes;
  }
}
