package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.util.Arrays;
import java.util.List;

/**
 * A decoded inner node: its children's first blocks and pointers to them. Immutable.
 *
 * <pre>
 * u8  1
 * var children
 * per child: var first block, less the one of the child before; {@link NodePointer}
 * </pre>
 */
final class Inner implements BlockCache.Node {
  static final int TYPE = 1;
  static final int MAX_CHILDREN = 256;

  private final long[] first;
  private final NodePointer[] children;

  private Inner(long[] first, NodePointer[] children) {
    this.first = first;
    this.children = children;
  }

  int count() {
    return first.length;
  }

  NodePointer child(int i) {
    return children[i];
  }

  /** The first block of a child's first entry. */
  long first(int i) {
    return first[i];
  }

  /** The child whose range has the block: the last that begins at or before it, else the first. */
  int childFor(long block) {
    int found = Arrays.binarySearch(first, block);
    return found >= 0 ? found : Math.max(0, -found - 2);
  }

  @Override
  public int weightBytes() {
    return 64 + first.length * (8 + 4 + 48 + 32);
  }

  static Inner decode(Decoder in) throws StorageException {
    int count = in.getVarInt(1, MAX_CHILDREN);
    long[] first = new long[count];
    NodePointer[] children = new NodePointer[count];
    long block = 0;
    for (int i = 0; i < count; i++) {
      long step = in.getVar();
      block += step;
      if (step < 0 || (step == 0 && i > 0) || block < 0 || block > Dubtree.MAX_BLOCKS) {
        throw in.damaged("has children out of order");
      }
      first[i] = block;
      children[i] = NodePointer.readFrom(in);
    }
    return new Inner(first, children);
  }

  static void encode(List<Child> children, Encoder out) {
    out.putByte(TYPE).putVar(children.size());
    long block = 0;
    for (Child child : children) {
      out.putVar(child.first() - block);
      child.pointer().writeTo(out);
      block = child.first();
    }
  }

  /** A node already written, for its parent to be. */
  record Child(long first, NodePointer pointer) {}
}
