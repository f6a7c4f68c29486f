package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * One version of a disk: runs, newest first. A block's value is the one of the first run that has
 * it. Immutable and counted: readers retain it while they read, and the runs are given back when
 * the last of them is done. Thread-safe.
 */
public final class RunStack {
  private static final int MAX_READ_BYTES = 1 << 20;

  private final RunCatalog catalog;
  private final List<Run> runs;
  private final AtomicInteger references = new AtomicInteger(1);

  private RunStack(RunCatalog catalog, List<Run> runs) {
    this.catalog = catalog;
    this.runs = runs;
  }

  /** Takes over the caller's reference to each run. */
  public static RunStack owning(RunCatalog catalog, List<Run> runs) {
    return new RunStack(catalog, List.copyOf(runs));
  }

  /** The stack that a root's references name. */
  public static RunStack open(RunCatalog catalog, List<RunRef> refs) {
    return new RunStack(catalog, refs.stream().map(catalog::acquire).toList());
  }

  /** Runs, newest first. */
  public List<Run> runs() {
    return runs;
  }

  public List<RunRef> refs() {
    return runs.stream().map(Run::ref).toList();
  }

  /**
   * Stored bytes of all runs, garbage in their chunks included. Reads the runs' tables, from when
   * on their chunks count as referred to.
   */
  public long storedBytes() throws IOException {
    long bytes = 0;
    for (Run run : runs) {
      bytes += run.storedBytes();
    }
    return bytes;
  }

  /** A stack of the same runs, counted on its own, for another disk. */
  public RunStack fork() {
    runs.forEach(catalog::share);
    return new RunStack(catalog, runs);
  }

  /** A stack in which {@code fresh} stands in the place of neighbouring runs of this one. */
  public RunStack replacing(List<Run> old, List<Run> fresh) {
    List<Run> next = new ArrayList<>();
    int at = old.isEmpty() ? 0 : runs.indexOf(old.getFirst());
    if (at < 0 || !runs.subList(at, at + old.size()).equals(old)) {
      throw new IllegalStateException("the runs to replace are not in the stack");
    }
    next.addAll(runs.subList(0, at));
    next.addAll(runs.subList(at + old.size(), runs.size()));
    next.forEach(catalog::retain);
    next.addAll(at, fresh);
    return new RunStack(catalog, List.copyOf(next));
  }

  public void retain() {
    if (references.getAndUpdate(count -> count > 0 ? count + 1 : count) <= 0) {
      throw new IllegalStateException("retained after its end");
    }
  }

  public void release() {
    release(Runnable::run);
  }

  /**
   * Releases the stack for a caller that mustn't wait.
   *
   * @param deleter is given what the last release has to do, which may be to delete many files
   */
  public void release(Executor deleter) {
    if (references.decrementAndGet() == 0) {
      deleter.execute(() -> runs.forEach(catalog::release));
    }
  }

  /** Where the blocks of reads were found. */
  public record Counters(LongAdder cached, LongAdder disk, LongAdder holes) {
    public Counters() {
      this(new LongAdder(), new LongAdder(), new LongAdder());
    }
  }

  /**
   * Reads whole blocks.
   *
   * @param cachedOnly true answers false, with {@code dst} undefined, rather than wait for a disk;
   *     what the host's file system has in memory counts as there
   */
  public boolean read(
      long block,
      int blocks,
      MemorySegment dst,
      long dstOffset,
      boolean cachedOnly,
      Counters counters)
      throws IOException {
    return read(new Reading(dst, dstOffset, block, cachedOnly, false), blocks, counters);
  }

  /**
   * Brings blocks into the cache, at once, in the caller's thread.
   *
   * @param scratch of 4096 bytes a block at least
   */
  public void prefetch(long block, int blocks, byte[] scratch, Counters counters)
      throws IOException {
    read(new Reading(MemorySegment.ofArray(scratch), 0, block, false, true), blocks, counters);
  }

  private boolean read(Reading reading, int blocks, Counters counters) throws IOException {
    Codec codec = Codec.borrow();
    try {
      long block = reading.firstBlock;
      if (!reading.resolve(0, block, block + blocks) || !fill(reading, codec, counters)) {
        return false;
      }
      counters.holes.add(reading.holes);
      return true;
    } finally {
      codec.giveBack();
    }
  }

  private static boolean fill(Reading reading, Codec codec, Counters counters) throws IOException {
    ReadPlan plan = reading.plan;
    int cached = 0;
    for (int i = 0; i < plan.count(); ) {
      Run.Content run = plan.run(i);
      Leaf leaf = plan.leaf(i);
      Chunk chunk = run.chunks.get(leaf.chunk(plan.index(i)));
      if (run.cache()
          .copyBlock(chunk, leaf.offset(plan.index(i)), reading.dst, reading.at(plan.block(i)))) {
        cached++;
        i++;
        continue;
      }
      int end = groupEnd(plan, i, chunk);
      if (!fetch(reading, codec, i, end, chunk)) {
        return false;
      }
      counters.disk.add(end - i);
      i = end;
    }
    counters.cached.add(cached);
    return true;
  }

  /** The end of the values from {@code i} on that lie side by side in one chunk. */
  private static int groupEnd(ReadPlan plan, int i, Chunk chunk) {
    long begin = plan.leaf(i).offset(plan.index(i));
    long next = begin;
    int j = i;
    while (j < plan.count()) {
      Leaf leaf = plan.leaf(j);
      int index = plan.index(j);
      if (leaf.offset(index) != next
          || plan.run(j).chunks.get(leaf.chunk(index)) != chunk
          || next + leaf.size(index) - begin > MAX_READ_BYTES) {
        break;
      }
      next += leaf.size(index);
      j++;
    }
    return j;
  }

  /** Reads and opens values that lie side by side; false if that would wait and mustn't. */
  private static boolean fetch(Reading reading, Codec codec, int from, int to, Chunk chunk)
      throws IOException {
    ReadPlan plan = reading.plan;
    long begin = plan.leaf(from).offset(plan.index(from));
    Leaf lastLeaf = plan.leaf(to - 1);
    int last = plan.index(to - 1);
    int length = (int) (lastLeaf.offset(last) + lastLeaf.size(last) - begin);
    byte[] sealed = codec.sealed(length + Aead.TAG_BYTES);
    byte[] block = codec.block();
    if (!reading.cachedOnly) {
      chunk.read(begin, sealed, 0, length);
    } else if (!chunk.tryRead(begin, sealed, 0, length)) {
      return false;
    }
    for (int i = from; i < to; i++) {
      Leaf leaf = plan.leaf(i);
      int index = plan.index(i);
      Run.Content run = plan.run(i);
      int at = (int) (leaf.offset(index) - begin);
      run.openValue(codec, leaf, index, sealed, at, block, 0);
      long dstAt = reading.at(plan.block(i));
      MemorySegment.copy(block, 0, reading.dst, ValueLayout.JAVA_BYTE, dstAt, block.length);
      boolean atOnce = reading.keep || run.isShared();
      run.cache().putBlock(chunk, leaf.offset(index), block, 0, atOnce);
    }
    return true;
  }

  /** Reports which blocks of a range have a value, as neighbouring pieces. */
  public void extents(long block, long blocks, Extents visitor) throws IOException {
    extents(0, block, block + blocks, visitor);
  }

  private boolean extents(int depth, long from, long to, Extents visitor) throws IOException {
    if (depth == runs.size()) {
      return visitor.extent(from, to, false);
    }
    Run.Content run = runs.get(depth).content();
    long at = from;
    while (at < to && !run.isEmpty()) {
      Run.Content.Position position = run.seek(at, false);
      if (position == null) {
        throw new IllegalStateException("a node wasn't read");
      }
      Leaf leaf = position.leaf();
      int i = Math.max(0, leaf.floor(at));
      long end = Math.min(to, position.end());
      for (; i < leaf.count() && leaf.start(i) < end; i++) {
        if (leaf.end(i) <= at) {
          continue;
        }
        if (leaf.start(i) > at && !extents(depth + 1, at, leaf.start(i), visitor)) {
          return false;
        }
        long begin = Math.max(at, leaf.start(i));
        at = Math.min(to, leaf.end(i));
        if (!visitor.extent(begin, at, !leaf.isZero(i))) {
          return false;
        }
      }
      if (at < end) {
        if (!extents(depth + 1, at, end, visitor)) {
          return false;
        }
        at = end;
      }
    }
    return at >= to || extents(depth + 1, at, to, visitor);
  }

  /** Takes one piece of a range; returns whether to go on. */
  @FunctionalInterface
  public interface Extents {
    boolean extent(long fromBlock, long toBlock, boolean data);
  }

  /** One read in progress: finds values, and fills in zeros at once. */
  private final class Reading {
    final ReadPlan plan = new ReadPlan();
    final MemorySegment dst;
    final long dstOffset;
    final long firstBlock;
    final boolean cachedOnly;
    final boolean keep;
    long holes;

    Reading(MemorySegment dst, long dstOffset, long firstBlock, boolean cachedOnly, boolean keep) {
      this.dst = dst;
      this.dstOffset = dstOffset;
      this.firstBlock = firstBlock;
      this.cachedOnly = cachedOnly;
      this.keep = keep;
    }

    long at(long block) {
      return dstOffset + (block - firstBlock) * Dubtree.BLOCK_BYTES;
    }

    void zeros(long from, long to) {
      dst.asSlice(at(from), at(to) - at(from)).fill((byte) 0);
      holes += to - from;
    }

    boolean resolve(int newest, long from, long to) throws IOException {
      int depth = newest;
      Run.@Nullable Content content;
      do {
        if (depth == runs.size()) {
          zeros(from, to);
          return true;
        }
        Run run = runs.get(depth++);
        content = cachedOnly ? run.contentIfLoaded() : run.content();
        if (content == null) {
          return false;
        }
      } while (!content.mayHave(from, to));
      long at = from;
      while (at < to) {
        Run.Content.Position position = content.seek(at, cachedOnly);
        if (position == null) {
          return false;
        }
        at = inLeaf(depth, content, position, at, Math.min(to, position.end()));
        if (at < 0) {
          return false;
        }
      }
      return true;
    }

    /**
     * Resolves what lies before {@code to}, within a leaf's range; -1 if it can't from memory.
     *
     * @param depth of the run below this one
     */
    private long inLeaf(
        int depth, Run.Content content, Run.Content.Position position, long from, long to)
        throws IOException {
      Leaf leaf = position.leaf();
      long at = from;
      for (int i = Math.max(0, leaf.floor(at)); i < leaf.count() && leaf.start(i) < to; i++) {
        if (leaf.end(i) <= at) {
          continue;
        }
        if (leaf.start(i) > at) {
          if (!resolve(depth, at, leaf.start(i))) {
            return -1;
          }
          at = leaf.start(i);
        }
        long end = Math.min(to, leaf.end(i));
        if (leaf.isZero(i)) {
          zeros(at, end);
        } else {
          plan.add(at, content, leaf, i);
        }
        at = end;
      }
      if (at < to && !resolve(depth, at, to)) {
        return -1;
      }
      return Math.max(at, to);
    }
  }

  static StorageException damagedValue(Chunk chunk, long offset, long block) {
    return new StorageException(
        Kind.DAMAGED,
        "value of block " + block + " at offset " + offset + " of " + chunk + " is damaged");
  }
}
