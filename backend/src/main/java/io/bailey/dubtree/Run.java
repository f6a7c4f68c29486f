package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.Chunk;
import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.io.Decoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One sorted, immutable batch of blocks: a B+-tree and the chunks that hold its values. Shared by
 * all stacks that have it and counted by {@link RunCatalog}. Its descriptor and top node are read
 * when it is first asked for something. Thread-safe.
 */
public final class Run {
  private final RunCatalog catalog;
  private final RunRef ref;
  private final Chunk tree;

  /** Guarded by the catalog's lock. */
  int references = 1;

  private volatile @Nullable Content content;

  Run(RunCatalog catalog, RunRef ref, Chunk tree) {
    this.catalog = catalog;
    this.ref = ref;
    this.tree = tree;
  }

  public RunRef ref() {
    return ref;
  }

  public int level() {
    return ref.level();
  }

  Chunk tree() {
    return tree;
  }

  /** What the run holds, read and authenticated if it wasn't yet. */
  Content content() throws IOException {
    Content present = content;
    return present != null ? present : load();
  }

  @Nullable Content contentIfLoaded() {
    return content;
  }

  private synchronized Content load() throws IOException {
    Content present = content;
    if (present != null) {
      return present;
    }
    Epoch epoch = Epoch.of(catalog.keys().get(ref.keyId()), ref.salt());
    NodeFile nodes = new NodeFile(tree, epoch);
    Descriptor descriptor = Descriptor.decode(nodes.read(ref.descriptor()));
    List<Epoch> epochs = new ArrayList<>();
    for (Descriptor.EpochRef e : descriptor.epochs()) {
      epochs.add(Epoch.of(catalog.keys().get(e.keyId()), e.salt()));
    }
    List<Chunk> chunks = new ArrayList<>();
    for (Descriptor.ChunkRef c : descriptor.chunks()) {
      chunks.add(catalog.chunks().acquire(c.id(), c.bytes()));
    }
    return become(new Content(descriptor, nodes, epochs, chunks, catalog.cache()));
  }

  Content become(Content loaded) {
    content = loaded;
    return loaded;
  }

  /** Stored bytes of values and tree, garbage in the chunks included. */
  public long storedBytes() throws IOException {
    long bytes = ref.treeBytes();
    for (Chunk chunk : content().chunks) {
      bytes += chunk.size();
    }
    return bytes;
  }

  /** Stored bytes of the values in use. */
  public long liveBytes() throws IOException {
    return content().descriptor.valueBytes();
  }

  /** Every chunk that the run needs, its tree's first. */
  public List<Chunk> allChunks() throws IOException {
    List<Chunk> all = new ArrayList<>();
    all.add(tree);
    all.addAll(content().chunks);
    return all;
  }

  /** A run's tables, and the look-up in its tree. */
  static final class Content {
    final Descriptor descriptor;
    final NodeFile nodes;
    final List<Epoch> epochs;
    final List<Chunk> chunks;
    private final BlockCache cache;
    private final Leaf.Limits limits;

    Content(
        Descriptor descriptor,
        NodeFile nodes,
        List<Epoch> epochs,
        List<Chunk> chunks,
        BlockCache cache) {
      this.descriptor = descriptor;
      this.nodes = nodes;
      this.epochs = epochs;
      this.chunks = chunks;
      this.cache = cache;
      this.limits = new Leaf.Limits(descriptor.diskBlocks(), chunks.size(), epochs.size());
    }

    BlockCache cache() {
      return cache;
    }

    /**
     * Authenticates and decompresses one value.
     *
     * @param sealed has the value at {@code at}, and 16 bytes of room after it
     * @param block receives 4096 bytes
     */
    void openValue(Codec codec, Leaf leaf, int i, byte[] sealed, int at, byte[] block)
        throws StorageException {
      Epoch epoch = epochs.get(leaf.epoch(i));
      int tag = i * Aead.TAG_BYTES;
      if (!codec.openBlock(
          epoch, leaf.counter(i), sealed, at, leaf.size(i), leaf.tags(), tag, block)) {
        throw RunStack.damagedValue(chunks.get(leaf.chunk(i)), leaf.offset(i), leaf.start(i));
      }
    }

    boolean isEmpty() {
      return descriptor.height() == 0;
    }

    NodePointer top() {
      return descriptor.top().getFirst();
    }

    /**
     * Finds the leaf that has a block if any has.
     *
     * @param cachedOnly true answers null rather than read a node from its file
     */
    @Nullable Position seek(long block, boolean cachedOnly) throws IOException {
      NodePointer pointer = top();
      long end = Long.MAX_VALUE;
      for (int height = descriptor.height(); height > 1; height--) {
        BlockCache.Node node = node(pointer, cachedOnly);
        if (node == null) {
          return null;
        }
        if (!(node instanceof Inner inner)) {
          throw wrongKind(pointer);
        }
        int child = inner.childFor(block);
        if (child + 1 < inner.count()) {
          end = inner.first(child + 1);
        }
        pointer = inner.child(child);
      }
      BlockCache.Node node = node(pointer, cachedOnly);
      if (node == null) {
        return null;
      }
      if (!(node instanceof Leaf leaf)) {
        throw wrongKind(pointer);
      }
      return new Position(leaf, end);
    }

    /** A leaf, and the first block that belongs to the leaf after it. */
    record Position(Leaf leaf, long end) {}

    BlockCache.@Nullable Node node(NodePointer pointer, boolean cachedOnly) throws IOException {
      BlockCache.Node cached = cache.node(nodes.file(), pointer.offset());
      if (cached != null || cachedOnly) {
        return cached;
      }
      BlockCache.Node read = decode(nodes.read(pointer));
      cache.putNode(nodes.file(), pointer.offset(), read);
      return read;
    }

    BlockCache.Node decode(Decoder in) throws StorageException {
      return switch (in.getByte()) {
        case Inner.TYPE -> Inner.decode(in);
        case Leaf.TYPE -> Leaf.decode(in, limits);
        default -> throw in.damaged("is of no known kind");
      };
    }

    StorageException wrongKind(NodePointer pointer) {
      return new StorageException(
          Kind.DAMAGED,
          "node at offset " + pointer.offset() + " of " + nodes.file() + " is at a wrong height");
    }
  }
}
