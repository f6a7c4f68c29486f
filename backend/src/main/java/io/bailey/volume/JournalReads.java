package io.bailey.volume;

import io.bailey.chunk.BlockCache;
import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.dubtree.RunStack;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.journal.Journal;
import io.bailey.journal.Segment;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The values of the journal that one read needs: noted under the volume's lock, which keeps their
 * segments from going, and read without it. One thread.
 */
final class JournalReads {
  private static final int MAX_READ_BYTES = 1 << 20;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final List<Value> values = new ArrayList<>();

  private record Value(
      long block,
      long to,
      Segment segment,
      long offset,
      int size,
      Epoch epoch,
      long counter,
      long tagHigh,
      long tagLow) {
    boolean isRightBefore(Value next) {
      return next.segment == segment && next.offset == offset + size;
    }
  }

  int size() {
    return values.size();
  }

  /** Notes a value to be read to {@code to} of the destination. Under the volume's lock. */
  void add(long block, long to, Journal journal, JournalIndex index, int entry, Epoch epoch) {
    long place = index.place(entry);
    Segment segment = journal.segment(place);
    segment.retain();
    values.add(
        new Value(
            block,
            to,
            segment,
            Journal.offset(place),
            index.size(entry),
            epoch,
            index.counter(entry),
            index.tagHigh(entry),
            index.tagLow(entry)));
  }

  /**
   * Reads the values.
   *
   * @param cachedOnly true answers false, with {@code dst} undefined, rather than wait for a disk
   */
  boolean read(BlockCache cache, MemorySegment dst, boolean cachedOnly, RunStack.Counters counters)
      throws IOException {
    int cached = 0;
    for (int i = 0; i < values.size(); ) {
      Value value = values.get(i);
      if (cache.copyBlock(value.segment.serial(), value.offset, dst, value.to)) {
        cached++;
        i++;
        continue;
      }
      int end = groupEnd(i);
      if (!fetch(cache, dst, values.subList(i, end), cachedOnly)) {
        return false;
      }
      counters.disk().add(end - i);
      i = end;
    }
    counters.cached().add(cached);
    return true;
  }

  /** The end of the values from {@code from} on that lie side by side. */
  private int groupEnd(int from) {
    int end = from + 1;
    int bytes = values.get(from).size;
    while (end < values.size()
        && values.get(end - 1).isRightBefore(values.get(end))
        && bytes + values.get(end).size <= MAX_READ_BYTES) {
      bytes += values.get(end++).size;
    }
    return end;
  }

  /** Reads and opens values that lie side by side; false if that would wait and mustn't. */
  private static boolean fetch(
      BlockCache cache, MemorySegment dst, List<Value> group, boolean cachedOnly)
      throws IOException {
    Value first = group.getFirst();
    Value last = group.getLast();
    int length = (int) (last.offset + last.size - first.offset);
    byte[] tag = new byte[Aead.TAG_BYTES];
    Codec codec = Codec.borrow();
    try {
      byte[] sealed = codec.sealed(length + Aead.TAG_BYTES);
      byte[] block = codec.block();
      if (!cachedOnly) {
        first.segment.read(first.offset, sealed, 0, length);
      } else if (!first.segment.tryRead(first.offset, sealed, 0, length)) {
        return false;
      }
      for (Value value : group) {
        LONG.set(tag, 0, value.tagHigh);
        LONG.set(tag, Long.BYTES, value.tagLow);
        int at = (int) (value.offset - first.offset);
        if (!codec.openBlock(
            value.epoch, value.counter, sealed, at, value.size, tag, 0, block, 0)) {
          throw new StorageException(
              Kind.DAMAGED,
              "value of block "
                  + value.block
                  + " at offset "
                  + value.offset
                  + " of "
                  + value.segment.path()
                  + " is damaged");
        }
        MemorySegment.copy(block, 0, dst, ValueLayout.JAVA_BYTE, value.to, block.length);
        cache.putBlock(value.segment.serial(), value.offset, block, 0, false);
      }
      return true;
    } finally {
      codec.giveBack();
    }
  }

  /** Lets the segments go. */
  void release() {
    values.forEach(value -> value.segment.release());
    values.clear();
  }
}
