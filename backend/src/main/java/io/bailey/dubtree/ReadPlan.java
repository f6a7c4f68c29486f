package io.bailey.dubtree;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The stored values that one read needs, in the order of their blocks. One thread. */
final class ReadPlan {
  private int count;
  private long[] block = new long[8];
  private int[] index = new int[8];
  private @Nullable Leaf[] leaf = new Leaf[8];
  private Run.@Nullable Content[] run = new Run.Content[8];

  void add(long at, Run.Content from, Leaf in, int i) {
    if (count == block.length) {
      block = Arrays.copyOf(block, 2 * count);
      index = Arrays.copyOf(index, 2 * count);
      leaf = Arrays.copyOf(leaf, 2 * count);
      run = Arrays.copyOf(run, 2 * count);
    }
    block[count] = at;
    run[count] = from;
    leaf[count] = in;
    index[count++] = i;
  }

  int count() {
    return count;
  }

  long block(int i) {
    return block[i];
  }

  int index(int i) {
    return index[i];
  }

  Leaf leaf(int i) {
    return present(leaf[i]);
  }

  Run.Content run(int i) {
    return present(run[i]);
  }

  private static <T> T present(@Nullable T entry) {
    if (entry == null) {
      throw new IndexOutOfBoundsException();
    }
    return entry;
  }
}
