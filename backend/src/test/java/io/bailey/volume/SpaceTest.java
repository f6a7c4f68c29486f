package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a volume may take on the disk. */
final class SpaceTest {
  private static final int BLOCK = 4096;
  private static final int LIVE_BLOCKS = 4000;

  @TempDir Path directory;

  private static long chunkBytes(TestStore test) throws IOException {
    long bytes = 0;
    for (String name : test.chunkFiles()) {
      bytes += Files.size(test.directory.resolve("chunks").resolve(name));
    }
    return bytes;
  }

  private static void fill(Volume volume, int blocks, long seed) throws IOException {
    for (int i = 0; i < blocks; i++) {
      TestStore.write(volume, i, seed + i);
    }
  }

  @Test
  void aBlockWrittenAgainAndAgain_makesNoGarbage() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      byte[] content = TestStore.content(1);
      for (int i = 0; i < 50 * TestStore.BUFFER_BLOCKS; i++) {
        volume.write(7 * BLOCK, content, 0, BLOCK);
      }
      assertThat(test.chunkFiles()).isEmpty();
    }
  }

  @Test
  void zeros_costNoValue() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      for (int i = 0; i < 1000; i++) {
        volume.write((long) i * BLOCK, new byte[BLOCK], 0, BLOCK);
      }
      volume.zero(40 << 20, 20 << 20, false);
      volume.empty();
      assertThat(volume.stats().bufferBytes()).isZero();
      assertThat(chunkBytes(test)).isLessThan(1000);
    }
  }

  @Test
  void whatWasTrimmed_isGivenBack_onceTheVolumeRests() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      fill(volume, LIVE_BLOCKS, 0);
      volume.empty();
      long full = chunkBytes(test);
      volume.trim(1000L * BLOCK, (LIVE_BLOCKS - 1000L) * BLOCK);
      volume.empty();
      volume.compact();
      assertThat(chunkBytes(test)).isLessThan(full / LIVE_BLOCKS * 1100 + (4 << 20));
      TestStore.compare(volume, 0, 1000, "not trimmed");
    }
  }

  @Test
  void overwriting_leavesATenthOfGarbageAtMost_onceTheVolumeRests() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      Random random = new Random(5);
      fill(volume, LIVE_BLOCKS, 0);
      long[] seeds = new long[LIVE_BLOCKS];
      for (int i = 0; i < LIVE_BLOCKS; i++) {
        seeds[i] = i;
      }
      for (int i = 0; i < 3 * LIVE_BLOCKS; i++) {
        int block = random.nextInt(LIVE_BLOCKS);
        seeds[block] = 1_000_000L + i;
        TestStore.write(volume, block, seeds[block]);
      }
      volume.empty();
      volume.compact();
      long live = (long) LIVE_BLOCKS * BLOCK;
      assertThat(chunkBytes(test)).isLessThan(live + live / 10 + (4 << 20));
      byte[] read = new byte[BLOCK];
      for (int block = 0; block < LIVE_BLOCKS; block++) {
        volume.read((long) block * BLOCK, read, 0, BLOCK);
        assertThat(read).as("block %d", block).isEqualTo(TestStore.content(seeds[block]));
      }
    }
  }

  @Test
  void aDiskOf16TiB_isWrittenAtItsEnd_andOpensAgain() throws Exception {
    long size = 16L << 40;
    try (TestStore test = new TestStore(directory)) {
      Volume volume =
          test.store.createVolume("v", new VolumeSpec(Optional.empty(), size, Durability.FLUSH));
      TestStore.write(volume, size / BLOCK - 1, 3);
      volume.trim(0, size - BLOCK);
      volume.empty();
      assertThat(chunkBytes(test)).isLessThan(20_000);
      test.reopen();
      byte[] read = new byte[2 * BLOCK];
      test.store.volume("v").orElseThrow().read(size - read.length, read, 0, read.length);
      assertThat(read).startsWith(new byte[BLOCK]).endsWith(TestStore.content(3));
    }
  }
}
