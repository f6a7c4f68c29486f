package io.bailey.nbd;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Replies to the requests of one burst, that go out with one write. Reused by its session while the
 * client takes its replies. Not thread-safe.
 */
final class Batch implements Outbox.Outgoing {
  private static final int FIRST_BYTES = 8 << 10;
  private static final ExportStats.Kind[] KINDS = ExportStats.Kind.values();

  private final ExportStats stats;
  private final int[] counts = new int[KINDS.length];
  private final long[] totals = new long[KINDS.length];
  private int failures;
  private long since;
  private long reserved;
  private ByteBuffer buffer = ByteBuffer.allocateDirect(FIRST_BYTES);
  private MemorySegment bytes = MemorySegment.ofBuffer(buffer);
  private int length;

  Batch(ExportStats stats) {
    this.stats = stats;
  }

  boolean isEmpty() {
    return length == 0;
  }

  int length() {
    return length;
  }

  /** What it takes in memory. */
  int heldBytes() {
    return (int) bytes.byteSize();
  }

  /** The memory that replies are written to, with room for that many more bytes. */
  MemorySegment room(int more) {
    if (bytes.byteSize() - length < more) {
      MemorySegment before = bytes;
      buffer = ByteBuffer.allocateDirect(Math.max(length + more, 2 * (int) before.byteSize()));
      bytes = MemorySegment.ofBuffer(buffer);
      MemorySegment.copy(before, 0, bytes, 0, length);
    }
    return bytes;
  }

  /** Takes what was written up to {@code end} as the answer to a request. */
  void answered(int end, ExportStats.Kind kind, long dataBytes) {
    length = end;
    counts[kind.index()]++;
    totals[kind.index()] += dataBytes;
  }

  void failed(int end) {
    length = end;
    failures++;
  }

  /**
   * @param nanos when the requests had come
   */
  void since(long nanos) {
    since = nanos;
  }

  void reserve(long budgetBytes) {
    reserved = budgetBytes;
  }

  @Override
  public ByteBuffer unsent() {
    return buffer.limit(length);
  }

  @Override
  public long reserved() {
    return reserved;
  }

  @Override
  public void sent() {
    long nanos = System.nanoTime() - since;
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] > 0) {
        stats.answered(KINDS[i], counts[i], totals[i], nanos);
      }
    }
    if (failures > 0) {
      stats.failed(failures);
    }
    clear();
  }

  @Override
  public void dropped() {
    int requests = failures;
    for (int count : counts) {
      requests += count;
    }
    stats.abandoned(requests);
    clear();
  }

  private void clear() {
    Arrays.fill(counts, 0);
    Arrays.fill(totals, 0);
    failures = 0;
    length = 0;
    buffer.clear();
  }
}
