package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkKind;
import io.bailey.crypto.Codec;
import io.bailey.io.Decoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads every byte that runs need, from the files and past all caches, and holds it against what
 * proves it. One thread.
 *
 * <h2>What is held against what</h2>
 *
 * Each file against the SHA-256 that is its name, once however many runs share it; each node
 * against the tag in its parent; the tree's order, bounds and height against themselves, and its
 * sums against the descriptor. The values of a file that isn't what its name says are opened one by
 * one, to find the blocks that are hit. In a file that is, they are what was written; opening them
 * too shows only what a faulty program wrote, costs several times the time, and is on demand.
 */
public final class RunChecker implements AutoCloseable {
  private static final int MAX_GROUP_BYTES = 1 << 20;

  private final Listener listener;
  private final boolean openValues;
  private final ChunkChecker chunks;
  private final byte[] block = new byte[Dubtree.BLOCK_BYTES];
  private byte[] sealed = new byte[1 << 12];

  /** Hears how far a check is, and what it finds. */
  public interface Listener {
    /** So many more bytes were read. Throws, kind {@code CLOSED}, to end the check. */
    void read(long bytes) throws StorageException;

    void damage(Damage damage);
  }

  /**
   * A damaged place of a run, or a part of what it hits.
   *
   * @param file of the store
   * @param offset in the file, bytes; -1: the file as a whole
   * @param fromBlock the first block whose look-up in the run fails
   * @param toBlock the block after the last; no larger than {@code fromBlock}: none fails
   * @param what one line that names file and place
   */
  public record Damage(String file, long offset, long fromBlock, long toBlock, String what) {
    private Damage of(long from, long to) {
      return new Damage(file, offset, from, to, what);
    }
  }

  /**
   * A checker of any number of runs.
   *
   * @param openValues whether to open also the values of files that are what their names say
   */
  public RunChecker(boolean openValues, Listener listener) {
    this.openValues = openValues;
    this.listener = listener;
    this.chunks = new ChunkChecker(listener);
  }

  /** Checks a run. Damage goes to the listener; an exception only ends the check, at its wish. */
  public void check(Run run) throws StorageException {
    Optional<String> problem = chunks.problem(run.tree());
    Run.Content content;
    try {
      content = run.content();
      Descriptor.decode(node(content, run.ref().descriptor()));
    } catch (IOException e) {
      whole(run, problem.orElse(String.valueOf(e.getMessage())));
      return;
    }
    Walk walk = new Walk(run, content);
    walk.presence();
    if (!content.isEmpty()) {
      long end = run.ref().descriptor().offset();
      walk.node(content.top(), content.descriptor.height(), -1, 0, Dubtree.MAX_BLOCKS, end);
    }
    walk.finish(problem);
  }

  /** The files so far that aren't what their names say. */
  public List<Chunk> damagedChunks() {
    return List.copyOf(chunks.damaged());
  }

  private void whole(Run run, String what) {
    long offset = run.ref().descriptor().offset();
    listener.damage(new Damage(run.tree().toString(), offset, 0, Dubtree.MAX_BLOCKS, what));
  }

  private Decoder node(Run.Content content, NodePointer pointer) throws IOException {
    byte[] bytes = sealed(pointer.size() + 16);
    chunks.read(content.nodes.file(), pointer.offset(), bytes, pointer.size());
    Codec codec = Codec.borrow();
    try {
      return content.nodes.open(codec, pointer, bytes, 0);
    } finally {
      codec.giveBack();
    }
  }

  private byte[] sealed(int capacity) {
    if (sealed.length < capacity) {
      sealed = new byte[Math.max(capacity, 2 * sealed.length)];
    }
    return sealed;
  }

  @Override
  public void close() throws IOException {
    chunks.close();
  }

  /** The way through one run's tree. */
  private final class Walk {
    private final Run run;
    private final Run.Content content;
    private final long[] liveBytes;
    private final Set<Chunk> reported = new HashSet<>();
    private boolean treeReported;
    private long values;
    private long valueBytes;
    private long zeroBlocks;

    Walk(Run run, Run.Content content) {
      this.run = run;
      this.content = content;
      this.liveBytes = new long[content.chunks.size()];
    }

    /** Checks the set of blocks. Where it is damaged, nothing is hit: reads do without it. */
    void presence() throws StorageException {
      for (NodePointer pointer : content.descriptor.presence()) {
        try {
          PresenceSet.decode(RunChecker.this.node(content, pointer));
        } catch (IOException e) {
          inTree(pointer, 0, 0, e);
        }
      }
    }

    /**
     * Checks a node and all below it.
     *
     * @param first the block that its first entry must have; -1 for the top
     * @param from the first block that is looked for under it
     * @param to the block after the last
     * @param before where in the file its parent begins: nodes are written before their parents
     */
    void node(NodePointer pointer, int height, long first, long from, long to, long before)
        throws StorageException {
      try {
        if (pointer.offset() < ChunkKind.HEADER_BYTES
            || pointer.offset() > before - pointer.size()) {
          throw wrong(pointer, "doesn't lie before its parent");
        }
        BlockCache.Node node = content.decode(RunChecker.this.node(content, pointer));
        if (height > 1 && node instanceof Inner inner) {
          if ((first >= 0 && inner.first(0) != first) || inner.first(inner.count() - 1) >= to) {
            throw wrong(pointer, "has children out of its range");
          }
          children(inner, pointer, height, from, to);
        } else if (height == 1 && node instanceof Leaf leaf) {
          if ((first >= 0 && leaf.start(0) != first) || leaf.end(leaf.count() - 1) > to) {
            throw wrong(pointer, "has entries out of its range");
          }
          entries(leaf);
        } else {
          throw content.wrongKind(pointer);
        }
      } catch (StorageException e) {
        if (e.kind() == Kind.CLOSED) {
          throw e;
        }
        inTree(pointer, from, to, e);
      } catch (IOException e) {
        inTree(pointer, from, to, e);
      }
    }

    private StorageException wrong(NodePointer pointer, String how) {
      return new StorageException(
          Kind.DAMAGED,
          "node at offset " + pointer.offset() + " of " + content.nodes.file() + " " + how);
    }

    private void inTree(NodePointer pointer, long from, long to, IOException e) {
      treeReported = true;
      String what = String.valueOf(e.getMessage());
      Damage whole = new Damage(run.tree().toString(), pointer.offset(), from, to, what);
      PresenceSet presence = content.presence();
      if (from >= to || presence == null || !presence.hasAny(from, to)) {
        listener.damage(whole);
        return;
      }
      // No look-up of another block comes as far as the node.
      presence.pieces(from, to, (start, end) -> listener.damage(whole.of(start, end)));
    }

    private void children(Inner inner, NodePointer parent, int height, long from, long to)
        throws StorageException {
      for (int i = 0; i < inner.count(); i++) {
        long first = inner.first(i);
        long begin = i == 0 ? from : first;
        long end = i + 1 < inner.count() ? inner.first(i + 1) : to;
        node(inner.child(i), height - 1, first, begin, end, parent.offset());
      }
    }

    private void entries(Leaf leaf) throws StorageException {
      for (int i = 0; i < leaf.count(); ) {
        if (leaf.isZero(i)) {
          zeroBlocks += leaf.end(i) - leaf.start(i);
          i++;
          continue;
        }
        Chunk chunk = content.chunks.get(leaf.chunk(i));
        int end = groupEnd(leaf, i);
        if (chunks.problem(chunk).isPresent() || openValues) {
          open(leaf, i, end, chunk);
        }
        for (; i < end; i++) {
          count(leaf, i, chunk);
        }
      }
    }

    private void count(Leaf leaf, int i, Chunk chunk) {
      values++;
      valueBytes += leaf.size(i);
      liveBytes[leaf.chunk(i)] += leaf.size(i);
      if (leaf.offset(i) < ChunkKind.HEADER_BYTES || leaf.offset(i) > chunk.size() - leaf.size(i)) {
        inValue(leaf, i, chunk, "value of block " + leaf.start(i) + " lies beyond " + chunk);
      }
    }

    /** The end of the values from {@code i} on that lie side by side. */
    private int groupEnd(Leaf leaf, int i) {
      int end = i + 1;
      while (end < leaf.count()
          && !leaf.isZero(end)
          && leaf.chunk(end) == leaf.chunk(i)
          && leaf.offset(end) == leaf.offset(end - 1) + leaf.size(end - 1)
          && leaf.offset(end) + leaf.size(end) - leaf.offset(i) <= MAX_GROUP_BYTES) {
        end++;
      }
      return end;
    }

    private void open(Leaf leaf, int from, int to, Chunk chunk) {
      long begin = leaf.offset(from);
      int length = (int) (leaf.offset(to - 1) + leaf.size(to - 1) - begin);
      byte[] bytes = sealed(length + 16);
      Codec codec = Codec.borrow();
      try {
        chunks.read(chunk, begin, bytes, length);
        for (int i = from; i < to; i++) {
          openOne(codec, leaf, i, bytes, (int) (leaf.offset(i) - begin));
        }
      } catch (IOException e) {
        if (to - from > 1) {
          for (int i = from; i < to; i++) {
            open(leaf, i, i + 1, chunk);
          }
        } else {
          inValue(leaf, from, chunk, String.valueOf(e.getMessage()));
        }
      } finally {
        codec.giveBack();
      }
    }

    private void openOne(Codec codec, Leaf leaf, int i, byte[] bytes, int at) {
      try {
        content.openValue(codec, leaf, i, bytes, at, block, 0);
      } catch (StorageException e) {
        inValue(leaf, i, content.chunks.get(leaf.chunk(i)), String.valueOf(e.getMessage()));
      }
    }

    private void inValue(Leaf leaf, int i, Chunk chunk, String what) {
      reported.add(chunk);
      listener.damage(
          new Damage(chunk.toString(), leaf.offset(i), leaf.start(i), leaf.end(i), what));
    }

    /** Checks what no entry led to, and the sums. */
    void finish(Optional<String> treeProblem) throws StorageException {
      for (Chunk chunk : content.chunks) {
        Optional<String> problem = chunks.problem(chunk);
        if (problem.isPresent() && !reported.contains(chunk)) {
          listener.damage(new Damage(chunk.toString(), -1, 0, 0, problem.get()));
        }
      }
      if (treeReported) {
        return;
      }
      if (treeProblem.isPresent()) {
        listener.damage(new Damage(run.tree().toString(), -1, 0, 0, treeProblem.get()));
      } else if (!sumsFit()) {
        listener.damage(
            new Damage(
                run.tree().toString(),
                run.ref().descriptor().offset(),
                0,
                0,
                "descriptor of " + run.tree() + " has sums that aren't its tree's"));
      }
    }

    private boolean sumsFit() {
      Descriptor descriptor = content.descriptor;
      boolean fits =
          descriptor.values() == values
              && descriptor.valueBytes() == valueBytes
              && descriptor.zeroBlocks() == zeroBlocks;
      for (int i = 0; i < liveBytes.length; i++) {
        fits &= descriptor.chunks().get(i).liveBytes() == liveBytes[i];
      }
      return fits;
    }
  }
}
