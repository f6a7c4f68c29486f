package io.bailey.volume;

import io.bailey.crypto.Aead;
import io.bailey.crypto.Epoch;
import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Entry;
import io.bailey.journal.Journal;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The values of a frozen index in the order of their blocks, sealed as they are. They lie in the
 * order in which they were written, so those of some blocks at a time are read in the order of
 * their places, neighbours with one read. At most two windows of 8 MiB. One thread.
 */
final class JournalCursor implements Cursor {
  private static final int WINDOW_BYTES = 8 << 20;
  private static final int MAX_READ_BYTES = 1 << 20;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final Journal journal;
  private final JournalIndex index;
  private final List<Epoch> epochs;
  private final long[] blocks;
  private int next;
  private int windowStart;
  private int windowEnd;
  private byte[] window = new byte[0];

  /** Where in the window each of its values lies. */
  private int[] at = new int[0];

  /**
   * @param epochs by the numbers that the index has
   */
  JournalCursor(Journal journal, JournalIndex index, List<Epoch> epochs) {
    this.journal = journal;
    this.index = index;
    this.epochs = epochs;
    this.blocks = index.sortedBlocks();
  }

  @Override
  public @Nullable Entry next() throws IOException {
    if (next == blocks.length) {
      return null;
    }
    if (next == windowEnd) {
      advance();
    }
    long block = blocks[next];
    int entry = index.entry(block);
    byte[] tag = new byte[Aead.TAG_BYTES];
    LONG.set(tag, 0, index.tagHigh(entry));
    LONG.set(tag, Long.BYTES, index.tagLow(entry));
    return new Entry.Sealed(
        block,
        epochs.get(index.epoch(entry)),
        index.counter(entry),
        window,
        at[next++ - windowStart],
        index.size(entry),
        tag,
        0);
  }

  private void advance() throws IOException {
    int bytes = 0;
    windowStart = next;
    windowEnd = next;
    while (windowEnd < blocks.length && bytes < WINDOW_BYTES) {
      bytes += index.size(index.entry(blocks[windowEnd++]));
    }
    // Not the array of the window before: its last value may not have been taken yet.
    window = new byte[bytes];
    at = new int[windowEnd - windowStart];
    int[] byPlace =
        IntStream.range(windowStart, windowEnd)
            .boxed()
            .sorted(Comparator.comparingLong(i -> index.place(index.entry(blocks[i]))))
            .mapToInt(Integer::intValue)
            .toArray();
    int filled = 0;
    for (int i = 0; i < byPlace.length; ) {
      long from = index.place(index.entry(blocks[byPlace[i]]));
      int length = 0;
      for (; i < byPlace.length; i++) {
        int entry = index.entry(blocks[byPlace[i]]);
        if (index.place(entry) != from + length
            || (length > 0 && length + index.size(entry) > MAX_READ_BYTES)) {
          break;
        }
        at[byPlace[i] - windowStart] = filled + length;
        length += index.size(entry);
      }
      journal.segment(from).read(Journal.offset(from), window, filled, length);
      filled += length;
    }
  }
}
