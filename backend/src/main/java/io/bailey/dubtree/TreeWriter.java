package io.bailey.dubtree;

import io.bailey.chunk.ChunkOutput;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.io.Encoder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Builds a B+-tree bottom-up from entries that come in order: leaves as they fill, inner nodes once
 * all leaves are written, each node compressed, sealed, and linked by its tag from its parent. O(n)
 * time, a pointer per leaf in memory. One thread.
 */
final class TreeWriter {
  private final ChunkOutput out;
  private final Epoch epoch;
  private final Codec codec;
  private final Leaf.Builder leaf = new Leaf.Builder();
  private final Encoder node = new Encoder(1 << 14);
  private final List<Inner.Child> leaves = new ArrayList<>();

  TreeWriter(ChunkOutput out, Epoch epoch, Codec codec) {
    this.out = out;
    this.epoch = epoch;
    this.codec = codec;
  }

  void addZeros(long start, long end) throws IOException {
    leaf.addZeros(start, end - start);
    endLeafIfFull();
  }

  void addValue(
      long block,
      int size,
      int chunk,
      long offset,
      int epochIndex,
      long counter,
      byte[] tags,
      int tag)
      throws IOException {
    leaf.addValue(block, size, chunk, offset, epochIndex, counter, tags, tag);
    endLeafIfFull();
  }

  /** The nodes of one height, and the height. */
  record Top(List<NodePointer> pointer, int height) {}

  /** Writes what is left of the tree; the top is empty if there were no entries. */
  Top finish() throws IOException {
    endLeaf();
    List<Inner.Child> level = leaves;
    if (level.isEmpty()) {
      return new Top(List.of(), 0);
    }
    int height = 1;
    while (level.size() > 1) {
      List<Inner.Child> parents = new ArrayList<>();
      for (int i = 0; i < level.size(); i += Inner.MAX_CHILDREN) {
        List<Inner.Child> children =
            level.subList(i, Math.min(level.size(), i + Inner.MAX_CHILDREN));
        node.clear();
        Inner.encode(children, node);
        parents.add(new Inner.Child(children.getFirst().first(), writeNode(node)));
      }
      level = parents;
      height++;
    }
    return new Top(List.of(level.getFirst().pointer()), height);
  }

  /** Seals a node and appends it to the file. */
  NodePointer writeNode(Encoder plain) throws IOException {
    int plainSize = plain.size();
    int packedSize = codec.compress(plain.array(), 0, plainSize);
    boolean packed = packedSize >= 0;
    int size = packed ? packedSize : plainSize;
    byte[] source = packed ? codec.packed(size) : plain.array();
    byte[] sealed = codec.sealed(size + 16);
    long counter = epoch.nextCounter();
    codec.aead().seal(epoch, counter, source, 0, size, sealed, 0);
    long offset = out.size();
    out.write(sealed, 0, size);
    return new NodePointer(
        offset, size, plainSize, counter, Arrays.copyOfRange(sealed, size, size + 16));
  }

  private void endLeafIfFull() throws IOException {
    if (leaf.count() == Leaf.MAX_ENTRIES) {
      endLeaf();
    }
  }

  private void endLeaf() throws IOException {
    if (leaf.count() > 0) {
      node.clear();
      leaf.encodeTo(node);
      leaves.add(new Inner.Child(leaf.firstBlock(), writeNode(node)));
      leaf.clear();
    }
  }
}
