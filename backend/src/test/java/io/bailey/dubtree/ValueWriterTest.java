package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkId;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.Aead;
import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where chunks end. */
final class ValueWriterTest {
  private static final int VALUE_BYTES = 1500;
  private static final int VALUES = 28_000;

  @TempDir Path directory;

  /** The chunks that values make, one by each of these seeds. */
  private List<Chunk> chunks(long fromSeed, long toSeed) throws IOException {
    byte[] sealed = new byte[VALUE_BYTES + Aead.TAG_BYTES];
    try (ChunkStore store = new ChunkStore(new LocalFiles(), directory, 64);
        ValueWriter writer = new ValueWriter(store)) {
      for (long seed = fromSeed; seed < toSeed; seed++) {
        new Random(seed).nextBytes(sealed);
        writer.write(sealed, 0, VALUE_BYTES, sealed, VALUE_BYTES);
      }
      return writer.finish();
    }
  }

  private static List<ChunkId> ids(List<Chunk> chunks) {
    return chunks.stream().map(Chunk::id).toList();
  }

  /** Once a chunk of both ends after the same value, all that follow are the same. */
  @Test
  void valuesInFront_changeTheFirstChunksOnly() throws Exception {
    List<ChunkId> before = ids(chunks(0, VALUES));
    assertThat(before).hasSizeGreaterThan(10);
    ChunkId[] later = before.subList(before.size() / 2, before.size()).toArray(ChunkId[]::new);
    for (int more : new int[] {1, 100, 1000}) {
      assertThat(ids(chunks(-more, VALUES))).as("%d more values", more).endsWith(later);
    }
  }

  @Test
  void aChunk_isOfOneToFourMebibytes_butTheLast() throws Exception {
    List<Chunk> chunks = chunks(0, VALUES);
    assertThat(chunks.subList(0, chunks.size() - 1))
        .extracting(Chunk::size)
        .allSatisfy(size -> assertThat(size).isBetween(1L << 20, 4L << 20));
    assertThat(chunks.getLast().size()).isLessThanOrEqualTo(4L << 20);
  }
}
