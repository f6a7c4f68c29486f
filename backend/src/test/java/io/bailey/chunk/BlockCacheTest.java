package io.bailey.chunk;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.LocalFiles;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BlockCacheTest {
  private static final int BLOCK = 4096;

  @TempDir Path directory;

  private Chunk chunk;

  @BeforeEach
  void acquire() throws Exception {
    ChunkStore store = new ChunkStore(new LocalFiles(), directory, 8);
    chunk = store.acquire(ChunkKind.VALUES, new ChunkId(1, 2, 3, 4), 1 << 30);
  }

  private static byte[] block(long seed) {
    byte[] block = new byte[BLOCK];
    Arrays.fill(block, (byte) (seed * 31 + 7));
    return block;
  }

  @Test
  void aBlock_isKeptAtOnce_orWhenItIsMissedAgain() {
    BlockCache cache = new BlockCache(1 << 20, 1 << 20);
    byte[] found = new byte[2 * BLOCK];
    cache.putBlock(chunk, 10, block(1), 0, true);
    assertThat(cache.copyBlock(chunk, 10, MemorySegment.ofArray(found), BLOCK)).isTrue();
    assertThat(Arrays.copyOfRange(found, BLOCK, 2 * BLOCK)).isEqualTo(block(1));

    cache.putBlock(chunk, 20, block(2), 0, false);
    assertThat(cache.copyBlock(chunk, 20, MemorySegment.ofArray(found), 0)).isFalse();
    cache.putBlock(chunk, 20, block(2), 0, false);
    assertThat(cache.copyBlock(chunk, 20, MemorySegment.ofArray(found), 0)).isTrue();
  }

  @Test
  void whatChunksThatAreNoMoreLeave_makesRoom() throws Exception {
    BlockCache cache = new BlockCache(1 << 20, 1 << 20);
    ChunkStore store = new ChunkStore(new LocalFiles(), directory.resolve("more"), 8);
    store.tellGone(cache::forget);
    Chunk kept = store.acquire(ChunkKind.VALUES, new ChunkId(-1, 0, 0, 0), 1 << 30);
    cache.putBlock(kept, 5, block(7), 0, true);
    byte[] found = new byte[BLOCK];
    Chunk[] chunks = new Chunk[BlockCache.GONE_CHUNKS];
    // So often that their frames have to come back.
    for (int round = 0; round < 2 * BlockFrames.CHANGING / chunks.length; round++) {
      for (int i = 0; i < chunks.length; i++) {
        ChunkId id = new ChunkId(round, i, 0, 0);
        chunks[i] = store.acquire(ChunkKind.VALUES, id, 1 << 30);
        cache.putBlock(chunks[i], 5, block(i), 0, true);
      }
      for (Chunk each : chunks) {
        assertThat(cache.copyBlock(each, 5, MemorySegment.ofArray(found), 0)).isTrue();
        store.release(each);
      }
      for (Chunk each : chunks) {
        assertThat(cache.copyBlock(each, 5, MemorySegment.ofArray(found), 0)).isFalse();
      }
    }
    assertThat(cache.copyBlock(kept, 5, MemorySegment.ofArray(found), 0)).isTrue();
  }

  @Test
  void framesAreBounded_andUsedAgain() {
    BlockFrames frames = new BlockFrames(10);
    BlockFrames.Frame[] taken = new BlockFrames.Frame[10 + BlockFrames.CHANGING];
    for (int i = 0; i < taken.length; i++) {
      taken[i] = frames.take(block(i), 0);
      assertThat(taken[i]).isNotNull();
    }
    assertThat(frames.take(block(0), 0)).isNull();
    frames.give(taken[100]);
    assertThat(frames.copy(taken[100], MemorySegment.ofArray(new byte[BLOCK]), 0)).isFalse();
    BlockFrames.Frame again = frames.take(block(3000), 0);
    byte[] found = new byte[BLOCK];
    assertThat(again).isNotNull();
    assertThat(frames.copy(again, MemorySegment.ofArray(found), 0)).isTrue();
    assertThat(found).isEqualTo(block(3000));
    assertThat(frames.copy(taken[100], MemorySegment.ofArray(found), 0)).isFalse();
  }

  /** More blocks than frames, so that frames change hands under the readers all the time. */
  @Test
  void whatIsFound_isTheBlock_whileOthersAreEvicted() throws Exception {
    BlockCache cache = new BlockCache(64 * BLOCK, 1 << 20);
    AtomicReference<String> wrong = new AtomicReference<>("");
    AtomicLong hits = new AtomicLong();
    Thread[] threads = new Thread[4];
    for (int t = 0; t < threads.length; t++) {
      SplittableRandom random = new SplittableRandom(t);
      threads[t] =
          Thread.ofPlatform()
              .start(
                  () -> {
                    byte[] found = new byte[BLOCK];
                    for (int i = 0; i < 100_000; i++) {
                      int at = random.nextInt(96);
                      if (!cache.copyBlock(chunk, at, MemorySegment.ofArray(found), 0)) {
                        cache.putBlock(chunk, at, block(at), 0, true);
                        continue;
                      }
                      hits.incrementAndGet();
                      if (!Arrays.equals(found, block(at))) {
                        wrong.set("block " + at + " has " + found[0]);
                      }
                    }
                  });
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(wrong.get()).isEmpty();
    assertThat(hits.get()).isGreaterThan(1000);
  }

  /** A host that runs for long gives out many numbers. */
  @Test
  void entriesOfOneFile_areNeverTakenForThoseOfAnother() {
    BlockCache cache = new BlockCache(1 << 20, 1 << 20);
    byte[] found = new byte[BLOCK];
    cache.putBlock(5, 10, block(1), 0, true);
    for (int bit = 3; bit < 36; bit++) {
      assertThat(cache.copyBlock(5 + (1L << bit), 10, MemorySegment.ofArray(found), 0))
          .as("number 5 + 2^%d", bit)
          .isFalse();
    }
  }
}
