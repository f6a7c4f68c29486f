package io.bailey.dubtree;

import io.bailey.crypto.Epoch;

/** A piece of a disk on its way into a run: one block's value, or a range of zeros. */
public sealed interface Entry {
  /** The first block. */
  long start();

  /** The block after the last. */
  long end();

  /** A range of zeros. */
  record Zeros(long start, long end) implements Entry {}

  /**
   * A block that isn't sealed, loaded when it is written.
   *
   * @param slot what the loader knows the block by
   */
  record Unsealed(long start, Loader loader, int slot) implements Entry {
    @Override
    public long end() {
      return start + 1;
    }
  }

  /** Where blocks that aren't sealed come from. */
  @FunctionalInterface
  interface Loader {
    /**
     * Copies a block to the start of {@code dst}, which has 4096 bytes.
     *
     * @return its bytes: 4096, or fewer if it is compressed
     */
    int load(int slot, byte[] dst);
  }

  /** A value that lies sealed in another run. */
  record Stored(long start, Run.Content run, Leaf leaf, int index) implements Entry {
    @Override
    public long end() {
      return start + 1;
    }
  }

  /**
   * A value that lies sealed outside the runs.
   *
   * @param sealed has {@code size} bytes of it at {@code at}
   * @param tags has its 16 bytes of tag at {@code tag}
   */
  record Sealed(
      long start, Epoch epoch, long counter, byte[] sealed, int at, int size, byte[] tags, int tag)
      implements Entry {
    @Override
    public long end() {
      return start + 1;
    }
  }
}
