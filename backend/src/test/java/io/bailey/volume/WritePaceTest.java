package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

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
    withPool(
        (pool, pace) -> {
          Cursor entries = pace.counting(() -> null, 100, 100);
          assertThat(pace.lead(250, 1000)).isLessThanOrEqualTo(0);
          assertThat(pace.lead(251, 1000)).isPositive();
          empty(entries, 50);
          assertThat(pace.lead(549, 1000)).isNegative();
          assertThat(pace.lead(551, 1000)).isPositive();
          // The last entries of a run aren't its end: its tree and root are still to be written.
          empty(entries, 51);
          assertThat(pace.lead(849, 1000)).isNegative();
          assertThat(pace.lead(851, 1000)).isPositive();
        });
  }

  @Test
  void whileARecordIsLate_aQuarterOfABufferMayFill() {
    long late = Duration.ofMillis(10).toNanos();
    assertThat(WritePace.leadOfLog(1000, 1000, late - 1)).isZero();
    assertThat(WritePace.leadOfLog(250, 1000, late)).isLessThanOrEqualTo(0);
    assertThat(WritePace.leadOfLog(350, 1000, late)).isCloseTo(0.1, within(1e-9));
  }

  @Test
  void whereTheHostHasFewSlotsLeft_everybodyIsAhead() throws Exception {
    withPool(
        (pool, pace) -> {
          take(pool, pool.capacity() * 13 / 16);
          assertThat(pace.leadOfAll()).isLessThanOrEqualTo(0);
          take(pool, pool.capacity() / 16);
          assertThat(pace.leadOfAll()).isPositive();
        });
  }

  @Test
  void slotsThatAreSoonFree_countAsLeft_butForTheLast() throws Exception {
    withPool(
        (pool, pace) -> {
          int part = pool.capacity() / 16;
          take(pool, 15 * part);
          assertThat(pace.leadOfAll()).isPositive();
          empty(pace.counting(() -> null, 4 * part, 4 * part), 2 * part);
          assertThat(pace.leadOfAll()).isLessThanOrEqualTo(0);
          take(pool, part);
          assertThat(pace.leadOfAll()).isEqualTo(1);
        });
  }

  @Test
  void slotsThatNeverComeBack_slowNobodyDown() throws Exception {
    withPool(
        (pool, pace) -> {
          int part = pool.capacity() / 16;
          take(pool, 14 * part);
          assertThat(pace.leadOfAll()).isPositive();
          assertThat(pace.missing()).isPositive();
          pool.strand(14 * part);
          assertThat(pace.leadOfAll()).isNegative();
          assertThat(pace.missing()).isNegative();
          pool.strand(2 * part);
          take(pool, 2 * part);
          assertThat(pace.leadOfAll()).isEqualTo(1);
        });
  }

  @Test
  void ofSlotsThatSeveralBlocksShare_asManyAreSoonFreeAsTheyAre() throws Exception {
    withPool(
        (pool, pace) -> {
          Cursor entries = pace.counting(() -> null, 700, 100);
          empty(entries, 352);
          assertThat(pool.soonFree()).isEqualTo(50);
          // Zeros between values come in more pieces than there are ranges.
          empty(entries, 700);
          assertThat(pool.soonFree()).isBetween(95, 100);
          pace.end();
          assertThat(pool.soonFree()).isZero();
        });
  }

  @Test
  void aRunThatHasEnded_hasNoSlotsThatAreSoonFree() throws Exception {
    withPool(
        (pool, pace) -> {
          empty(pace.counting(() -> null, 1000, 1000), 1000);
          assertThat(pool.soonFree()).isBetween(950, 1000);
          pace.end();
          assertThat(pool.soonFree()).isZero();
        });
  }

  @Test
  void buffersAreEmptied_beforeAnybodyIsSlowedDown() throws Exception {
    withPool(
        (pool, pace) -> {
          take(pool, pool.capacity() * 3 / 4);
          assertThat(pace.missing()).isEqualTo(pool.capacity() / 16);
          assertThat(pace.leadOfAll()).isNegative();
        });
  }

  @Test
  void whoIsFurtherAhead_isHeldUpLonger_butNotForever() {
    assertThat(delay(1, 0)).isEqualTo(Duration.ofMillis(2));
    assertThat(delay(20, 0)).isEqualTo(Duration.ofMillis(4));
    assertThat(delay(1, 0.5)).isEqualTo(Duration.ofMillis(10));
    assertThat(delay(256, 0)).isEqualTo(Duration.ofMillis(30));
    assertThat(delay(256, 5)).isEqualTo(Duration.ofMillis(30));
  }

  private interface Use {
    void of(SlabPool pool, WritePace pace) throws Exception;
  }

  private void withPool(Use use) throws Exception {
    SlabPool pool =
        new SlabPool(
            new LocalFiles(), directory, new UUID(1, 2), 0, (slot, seq, volume, block, n) -> {});
    WritePace pace = new WritePace(pool);
    try {
      use.of(pool, pace);
    } finally {
      pace.end();
      pool.close(true);
    }
  }

  private static void take(SlabPool pool, int count) throws Exception {
    assertThat(pool.take(count, new int[count])).isTrue();
  }

  private static void empty(Cursor entries, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      entries.next();
    }
  }

  @Test
  void whoWaitsLong_looksLessOften() {
    assertThat(WritePace.stepMillis(0)).isEqualTo(1);
    assertThat(WritePace.stepMillis(Duration.ofMillis(3).toNanos())).isEqualTo(3);
    assertThat(WritePace.stepMillis(Duration.ofMinutes(1).toNanos())).isEqualTo(8);
  }

  private static Duration delay(int blocks, double lead) {
    return Duration.ofNanos(WritePace.delayNanos(blocks, lead));
  }
}
