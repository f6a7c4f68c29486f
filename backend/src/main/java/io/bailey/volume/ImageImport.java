package io.bailey.volume;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.MergePolicy;
import io.bailey.dubtree.RunCatalog;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.Arrays;
import java.util.Set;

/** Reads a disk from its start to its end into one run; holes are skipped. One thread. */
final class ImageImport {
  private static final int PIECE_BYTES = 1 << 20;

  private final DiskSource source;
  private final Progress progress;

  ImageImport(DiskSource source, Progress progress) {
    this.source = source;
    this.progress = progress;
  }

  RunWriter.Finished run(RunCatalog catalog, DataKey key) throws IOException {
    long size = source.size();
    if (size <= 0 || size % 512 != 0 || size > Dubtree.MAX_BLOCKS << Dubtree.BLOCK_SHIFT) {
      throw new StorageException(
          Kind.INVALID, "a disk of " + size + " bytes can't be imported: 512 divides no such size");
    }
    long blocks = (size + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
    int level = MergePolicy.levelFor(size);
    try (RunWriter writer = new RunWriter(catalog, Epoch.begin(key), level, blocks, Set.of())) {
      byte[] piece = new byte[PIECE_BYTES];
      progress.update(0, size);
      for (long at = nextBlock(0); at < size; ) {
        int length = (int) Math.min(PIECE_BYTES, size - at);
        source.read(at, piece, 0, length);
        int whole = (length + Dubtree.BLOCK_BYTES - 1) & -Dubtree.BLOCK_BYTES;
        Arrays.fill(piece, length, whole, (byte) 0);
        for (int i = 0; i < whole; i += Dubtree.BLOCK_BYTES) {
          if (!RunWriter.isZero(piece, i)) {
            writer.addPlain((at + i) >>> Dubtree.BLOCK_SHIFT, piece, i);
          }
        }
        progress.update(at + length, size);
        at = nextBlock(at + length);
      }
      progress.update(size, size);
      return writer.finish();
    }
  }

  private long nextBlock(long offset) throws IOException {
    return offset >= source.size() ? source.size() : source.nextData(offset) & -Dubtree.BLOCK_BYTES;
  }
}
