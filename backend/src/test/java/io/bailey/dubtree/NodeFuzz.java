package io.bailey.dubtree;

import io.bailey.fuzz.FuzzRule;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.util.ArrayList;
import java.util.List;

/**
 * Nodes behind their seal: any bytes are a node that a reader can rely on, and that is the same
 * when it is written and read again, or damage.
 */
final class NodeFuzz {
  private static final Leaf.Limits LIMITS = new Leaf.Limits(1L << 32, 300, 5);

  private NodeFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzRule.holds((64 << 10) + 32L * data.length, () -> read(data));
  }

  private static void read(byte[] data) throws StorageException {
    Decoder in = new Decoder("node", data);
    switch (in.getByte()) {
      case Inner.TYPE -> inner(Inner.decode(in));
      case Leaf.TYPE -> leaf(Leaf.decode(in, LIMITS));
      default -> descriptor(Descriptor.decode(new Decoder("node", data)));
    }
  }

  private static void inner(Inner node) throws StorageException {
    List<Inner.Child> children = new ArrayList<>();
    long before = -1;
    for (int i = 0; i < node.count(); i++) {
      FuzzRule.check(node.first(i) > before && node.first(i) <= Dubtree.MAX_BLOCKS, "in order");
      FuzzRule.check(node.childFor(node.first(i)) == i, "found");
      before = node.first(i);
      pointer(node.child(i));
      children.add(new Inner.Child(node.first(i), node.child(i)));
    }
    Encoder out = new Encoder(64);
    Inner.encode(children, out);
    Decoder again = new Decoder("again", out.toBytes());
    FuzzRule.check(again.getByte() == Inner.TYPE, "an inner node");
    Inner second = Inner.decode(again);
    for (int i = 0; i < node.count(); i++) {
      FuzzRule.check(second.first(i) == node.first(i), "the same first blocks");
      FuzzRule.check(second.child(i).offset() == node.child(i).offset(), "the same places");
    }
  }

  private static void leaf(Leaf leaf) throws StorageException {
    Leaf.Builder builder = new Leaf.Builder();
    long before = 0;
    for (int i = 0; i < leaf.count(); i++) {
      FuzzRule.check(leaf.start(i) >= before && leaf.end(i) > leaf.start(i), "in order");
      FuzzRule.check(leaf.end(i) <= LIMITS.blocks(), "on the disk");
      FuzzRule.check(leaf.floor(leaf.start(i)) == i, "found");
      before = leaf.end(i);
      if (leaf.isZero(i)) {
        builder.addZeros(leaf.start(i), leaf.end(i) - leaf.start(i));
      } else {
        FuzzRule.check(leaf.size(i) > 0 && leaf.size(i) <= Dubtree.BLOCK_BYTES, "a block at most");
        FuzzRule.check(leaf.chunk(i) >= 0 && leaf.chunk(i) < LIMITS.chunks(), "a chunk");
        FuzzRule.check(leaf.epoch(i) >= 0 && leaf.epoch(i) < LIMITS.epochs(), "an epoch");
        builder.addValue(
            leaf.start(i),
            leaf.size(i),
            leaf.chunk(i),
            leaf.offset(i),
            leaf.epoch(i),
            leaf.counter(i),
            leaf.tags(),
            leaf.tagAt(i));
      }
    }
    Encoder out = new Encoder(64);
    builder.encodeTo(out);
    Decoder again = new Decoder("again", out.toBytes());
    FuzzRule.check(again.getByte() == Leaf.TYPE, "a leaf");
    same(leaf, Leaf.decode(again, LIMITS));
  }

  private static void same(Leaf leaf, Leaf second) {
    FuzzRule.check(second.count() == leaf.count(), "as many entries");
    for (int i = 0; i < leaf.count(); i++) {
      FuzzRule.check(second.start(i) == leaf.start(i), "the same blocks");
      FuzzRule.check(second.end(i) == leaf.end(i), "the same ends");
      FuzzRule.check(second.size(i) == leaf.size(i), "the same sizes");
      if (!leaf.isZero(i)) {
        FuzzRule.check(second.offset(i) == leaf.offset(i), "the same places");
        FuzzRule.check(second.counter(i) == leaf.counter(i), "the same nonces");
      }
    }
  }

  private static void descriptor(Descriptor found) throws StorageException {
    FuzzRule.check(
        found.diskBlocks() >= 0 && found.diskBlocks() <= Dubtree.MAX_BLOCKS, "a disk's size");
    FuzzRule.check(found.top().size() == (found.height() == 0 ? 0 : 1), "a top node");
    found.top().forEach(NodeFuzz::pointer);
    for (Descriptor.ChunkRef chunk : found.chunks()) {
      FuzzRule.checkSha256(chunk.id().toString());
      FuzzRule.check(chunk.bytes() >= 0, "a size");
      FuzzRule.check(chunk.liveBytes() >= 0 && chunk.liveBytes() <= chunk.bytes(), "a part of it");
    }
    FuzzRule.check(
        found.values() >= 0 && found.valueBytes() >= 0 && found.zeroBlocks() >= 0, "sums");
    Encoder out = new Encoder(64);
    found.encodeTo(out);
    Descriptor second = Descriptor.decode(new Decoder("again", out.toBytes()));
    FuzzRule.check(second.chunks().equals(found.chunks()), "the same chunks");
    FuzzRule.check(second.values() == found.values(), "as many values");
  }

  private static void pointer(NodePointer pointer) {
    FuzzRule.check(pointer.offset() >= 0, "a place in a file");
    FuzzRule.check(pointer.size() > 0 && pointer.size() <= NodePointer.MAX_BYTES, "a size");
  }
}
