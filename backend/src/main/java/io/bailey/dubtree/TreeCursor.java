package io.bailey.dubtree;

import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.io.LargeBuffers;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * All entries of a run, in order. Leaves lie in the tree's file in that order, so they are read
 * ahead 1 MiB at a time and don't pass through the cache. One thread.
 */
final class TreeCursor implements Cursor {
  private final Run.Content run;
  private final Deque<Step> path = new ArrayDeque<>();
  private byte[] window;
  private long windowStart;
  private int windowLength;
  private @Nullable Leaf leaf;
  private int index;

  TreeCursor(Run run) throws IOException {
    this.run = run.content();
    long treeBytes = run.ref().treeBytes();
    window =
        treeBytes > LargeBuffers.IO_BYTES / 4
            ? LargeBuffers.take()
            : new byte[(int) treeBytes + Aead.TAG_BYTES];
    if (!this.run.isEmpty()) {
      descend(this.run.top(), this.run.descriptor.height());
    }
  }

  private static final class Step {
    final Inner node;
    final int height;
    int child;

    Step(Inner node, int height) {
      this.node = node;
      this.height = height;
    }
  }

  @Override
  public @Nullable Entry next() throws IOException {
    while (leaf == null || index == leaf.count()) {
      if (!advance()) {
        LargeBuffers.give(window);
        window = new byte[0];
        return null;
      }
    }
    Leaf current = leaf;
    int i = index++;
    return current.isZero(i)
        ? new Entry.Zeros(current.start(i), current.end(i))
        : new Entry.Stored(current.start(i), run, current, i);
  }

  private boolean advance() throws IOException {
    while (!path.isEmpty()) {
      Step step = path.getLast();
      if (++step.child < step.node.count()) {
        descend(step.node.child(step.child), step.height - 1);
        return true;
      }
      path.removeLast();
    }
    return false;
  }

  private void descend(NodePointer pointer, int height) throws IOException {
    NodePointer at = pointer;
    for (int h = height; h > 1; h--) {
      if (!(run.node(at, false) instanceof Inner inner)) {
        throw run.wrongKind(at);
      }
      path.addLast(new Step(inner, h));
      at = inner.child(0);
    }
    if (!(readLeaf(at) instanceof Leaf found)) {
      throw run.wrongKind(at);
    }
    leaf = found;
    index = 0;
  }

  private Object readLeaf(NodePointer pointer) throws IOException {
    if (pointer.size() > window.length - Aead.TAG_BYTES) {
      return run.decode(run.nodes.read(pointer));
    }
    long end = pointer.offset() + pointer.size();
    if (pointer.offset() < windowStart || end > windowStart + windowLength) {
      windowStart = pointer.offset();
      windowLength =
          (int) Math.min(window.length - Aead.TAG_BYTES, run.nodes.file().size() - windowStart);
      windowLength = Math.max(windowLength, pointer.size());
      run.nodes.file().read(windowStart, window, 0, windowLength);
    }
    Codec codec = Codec.borrow();
    try {
      return run.decode(
          run.nodes.open(codec, pointer, window, (int) (pointer.offset() - windowStart)));
    } finally {
      codec.giveBack();
    }
  }
}
