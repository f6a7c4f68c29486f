package io.bailey.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class BlockFramesTest {
  private static final int CAPACITY = BlockFrames.MIN_FRAMES_FOR_AHEAD;

  private final BlockFrames frames = new BlockFrames(CAPACITY);

  private static byte[] block(int seed) {
    byte[] block = new byte[BlockFrames.FRAME_BYTES];
    Arrays.fill(block, (byte) seed);
    return block;
  }

  @Test
  void aSmallCache_isNotTouchedAhead() throws Exception {
    int most = BlockFrames.MIN_FRAMES_FOR_AHEAD - BlockFrames.CHANGING - 1;
    BlockFrames small = new BlockFrames(most);
    int prepared = small.prepared();
    small.take(block(1), 0);
    TimeUnit.MILLISECONDS.sleep(50);
    assertThat(small.prepared()).isEqualTo(prepared);
  }

  @Test
  void aFrameThatIsNeeded_isTakenWithoutMemory() {
    BlockFrames.Frame[] taken = new BlockFrames.Frame[2 * BlockFrames.AHEAD];
    for (int i = 0; i < taken.length; i++) {
      taken[i] = frames.take(block(i), 0);
    }
    byte[] found = new byte[BlockFrames.FRAME_BYTES];
    for (int i = 0; i < taken.length; i++) {
      assertThat(frames.copy(taken[i], MemorySegment.ofArray(found), 0)).isTrue();
      assertThat(found).as("frame %d", i).isEqualTo(block(i));
    }
  }

  @Test
  void asMuchIsPreparedAsIsNeededSoon_andNoMore() throws Exception {
    frames.take(block(1), 0);
    await().until(() -> frames.prepared() >= 2 * BlockFrames.AHEAD);
    TimeUnit.MILLISECONDS.sleep(50);
    assertThat(frames.prepared()).isLessThan(3 * BlockFrames.AHEAD);
  }
}
