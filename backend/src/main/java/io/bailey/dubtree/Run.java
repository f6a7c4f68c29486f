package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkKind;
import io.bailey.chunk.References;
import io.bailey.crypto.Codec;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.io.Decoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One sorted, immutable batch of blocks: a B+-tree and the chunks that hold its values. Shared by
 * all stacks that have it and counted by {@link RunCatalog}. Its descriptor and top node are read
 * when it is first asked for something. Thread-safe.
 */
public final class Run {
  private static final System.Logger LOG = System.getLogger(Run.class.getName());

  private final RunCatalog catalog;
  private final RunRef ref;
  private final Chunk tree;

  private final References references = new References();
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

  /** Stacks that have the run, counted under the catalog's lock. */
  References references() {
    return references;
  }

  /** Another disk than those that have it is given the run, and so what that refers to. */
  void giveAway() {
    if (references.isGivenAway()) {
      return;
    }
    references.giveAway();
    Content present = content;
    if (present != null) {
      present.giveChunksAway();
    }
  }

  /** See {@link References#isShared}. */
  boolean isShared() {
    return references.isShared();
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
    // Last of what can fail, for nobody would give the chunks back.
    PresenceSet presence = readPresence(descriptor, nodes);
    List<Chunk> chunks = new ArrayList<>();
    for (Descriptor.ChunkRef c : descriptor.chunks()) {
      chunks.add(catalog.chunks().acquire(ChunkKind.VALUES, c.id(), c.bytes()));
    }
    return become(new Content(descriptor, nodes, epochs, chunks, catalog.cache(), presence));
  }

  /** The set of blocks; without it, as where it is damaged, reads look in for every block. */
  private @Nullable PresenceSet readPresence(Descriptor descriptor, NodeFile nodes)
      throws IOException {
    if (descriptor.presence().isEmpty()) {
      return null;
    }
    NodePointer pointer = descriptor.presence().getFirst();
    if (!catalog.presences().hasRoomFor(pointer.plainSize())) {
      return null;
    }
    try {
      return catalog.presences().admit(PresenceSet.decode(nodes.read(pointer)));
    } catch (StorageException e) {
      if (e.kind() != Kind.DAMAGED) {
        throw e;
      }
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: it is a set of blocks, which reads do without, only slower",
          e.getMessage());
      return null;
    }
  }

  Content become(Content loaded) {
    loaded.owner = this;
    content = loaded;
    if (references.isGivenAway()) {
      loaded.giveChunksAway();
    }
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

  /** What the merge policy wants to know of it. */
  public MergePolicy.RunInfo info() throws IOException {
    Content present = content();
    Descriptor descriptor = present.descriptor;
    long reclaimable = 0;
    for (int i = 0; i < present.chunks.size(); i++) {
      if (!present.isWorthKeeping(i, MergePolicy.KEPT_SHARE_AT_REST)) {
        Descriptor.ChunkRef chunk = descriptor.chunks().get(i);
        reclaimable += chunk.bytes() - chunk.liveBytes();
      }
    }
    return new MergePolicy.RunInfo(
        level(),
        descriptor.values(),
        descriptor.valueBytes(),
        descriptor.zeroBlocks(),
        reclaimable);
  }

  /** The data keys that its tree and its values are sealed with. */
  public Set<DataKey.Id> keyIds() throws IOException {
    Set<DataKey.Id> ids = new HashSet<>();
    ids.add(ref.keyId());
    content().descriptor.epochs().forEach(epoch -> ids.add(epoch.keyId()));
    return ids;
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
    private final @Nullable PresenceSet presence;
    private @Nullable Run owner;

    Content(
        Descriptor descriptor,
        NodeFile nodes,
        List<Epoch> epochs,
        List<Chunk> chunks,
        BlockCache cache,
        @Nullable PresenceSet presence) {
      this.descriptor = descriptor;
      this.nodes = nodes;
      this.epochs = epochs;
      this.chunks = chunks;
      this.cache = cache;
      this.presence = presence;
      this.limits = new Leaf.Limits(descriptor.diskBlocks(), chunks.size(), epochs.size());
    }

    BlockCache cache() {
      return cache;
    }

    /** See {@link References#isShared}. */
    boolean isShared() {
      Run run = owner;
      return run != null && run.isShared();
    }

    private void giveChunksAway() {
      chunks.forEach(chunk -> chunk.references().giveAway());
    }

    /**
     * Whether copying what is in use of a chunk would give too little back: of one that another
     * disk needs too, nothing.
     *
     * @param share in use from which on it is kept
     */
    boolean isWorthKeeping(int chunk, double share) {
      Descriptor.ChunkRef ref = descriptor.chunks().get(chunk);
      return ref.liveBytes() >= share * ref.bytes()
          || isShared()
          || chunks.get(chunk).references().isShared();
    }

    /**
     * Authenticates and decompresses one value.
     *
     * @param sealed has the value at {@code at}, and 16 bytes of room after it
     * @param dst receives 4096 bytes
     */
    void openValue(Codec codec, Leaf leaf, int i, byte[] sealed, int at, byte[] dst, int dstAt)
        throws StorageException {
      Epoch epoch = epochs.get(leaf.epoch(i));
      int tag = leaf.tagAt(i);
      if (!codec.openBlock(
          epoch, leaf.counter(i), sealed, at, leaf.size(i), leaf.tags(), tag, dst, dstAt)) {
        throw RunStack.damagedValue(chunks.get(leaf.chunk(i)), leaf.offset(i), leaf.start(i));
      }
    }

    /** False only if the run has no entry for any block of the range. */
    boolean mayHave(long from, long to) {
      return descriptor.height() > 0 && (presence == null || presence.hasAny(from, to));
    }

    @Nullable PresenceSet presence() {
      return presence;
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
