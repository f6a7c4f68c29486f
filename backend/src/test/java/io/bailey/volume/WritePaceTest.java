package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.dubtree.Cursor;
import io.bailey.io.LocalFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is held up for the sake of pace, and how long. */
final class WritePaceTest {
  @TempDir Path directory;

  @Test
  void aBufferMayFill_asFarAsTheOtherOneIsEmptied() throws Exception {
    WritePace pace = new WritePace();
    Cursor entries = pace.counting(() -> null, 100);
    assertThat(pace.lead(250, 1000)).isLessThanOrEqualTo(0);
    assertThat(pace.lead(251, 1000)).isPositive();
    for (int i = 0; i < 50; i++) {
      entries.next();
    }
    assertThat(pace.lead(549, 1000)).isNegative();
    assertThat(pace.lead(551, 1000)).isPositive();
    // The last entries of a run aren't its end: its tree and its root are still to be written.
    for (int i = 50; i <= 100; i++) {
      entries.next();
    }
    assertThat(pace.lead(849, 1000)).isNegative();
    assertThat(pace.lead(851, 1000)).isPositive();
  }

  @Test
  void whereTheHostHasFewSlotsLeft_everybodyIsAhead() throws Exception {
    SlabPool pool =
        new SlabPool(
            new LocalFiles(), directory, new UUID(1, 2), 0, (slot, seq, volume, block, n) -> {});
    try {
      int few = pool.capacity() / 16;
      int[] slots = new int[pool.capacity()];
      assertThat(pool.take(pool.capacity() - few, slots)).isTrue();
      assertThat(WritePace.lead(pool)).isLessThanOrEqualTo(0);
      assertThat(pool.take(few, slots)).isTrue();
      assertThat(WritePace.lead(pool)).isEqualTo(1);
    } finally {
      pool.close(true);
    }
  }

  @Test
  void whoIsFurtherAhead_isHeldUpLonger_butNotForever() {
    assertThat(delay(1, 0)).isEqualTo(Duration.ofMillis(2));
    assertThat(delay(20, 0)).isEqualTo(Duration.ofMillis(4));
    assertThat(delay(1, 0.5)).isEqualTo(Duration.ofMillis(10));
    assertThat(delay(256, 0)).isEqualTo(Duration.ofMillis(30));
    assertThat(delay(256, 5)).isEqualTo(Duration.ofMillis(30));
  }

  private static Duration delay(int blocks, double lead) {
    return Duration.ofNanos(WritePace.delayNanos(blocks, lead));
  }
}
