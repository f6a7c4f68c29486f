package io.bailey.journal;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Who waits for others before a sync of the log. */
final class SyncPaceTest {
  private static final long MILLI = 1_000_000;

  private final SyncPace pace = new SyncPace();
  private long now;

  private void syncs(int count, long nanos, int served) {
    for (int i = 0; i < count; i++) {
      pace.note(now, now + nanos, served);
      now += nanos;
    }
  }

  @Test
  void onAQuickDisk_nobodyWaits_howeverMany() {
    syncs(1000, MILLI, 200);
    assertThat(pace.pauseNanos(now, true)).isNotPositive();
  }

  @Test
  void oneSlowSync_isNoSlowDisk() {
    syncs(100, MILLI, 200);
    syncs(1, 100 * MILLI, 200);
    assertThat(pace.pauseNanos(now, true)).isNotPositive();
    syncs(1, MILLI, 200);
    assertThat(pace.pauseNanos(now, true)).isNotPositive();
  }

  @Test
  void fewWhoFlush_dontWait_howeverSlowTheDisk() {
    syncs(100, 15 * MILLI, 200);
    syncs(1, 15 * MILLI, 2);
    assertThat(pace.pauseNanos(now, true)).as("most are between two flushes").isPositive();
    syncs(100, 15 * MILLI, 2);
    assertThat(pace.pauseNanos(now, true)).as("they are gone").isNotPositive();
  }

  @Test
  void manyOnASlowDisk_areGathered_longerWhereACommitCostsMore() {
    syncs(100, 15 * MILLI, 200);
    assertThat(pace.pauseNanos(now, true)).isEqualTo(35 * MILLI);
    assertThat(pace.pauseNanos(now, false)).isEqualTo(85 * MILLI);
    assertThat(pace.pauseNanos(now + 35 * MILLI, true)).isZero();
  }

  @Test
  void quickSyncsBringTheDiskBackIntoFavour_slowly() {
    syncs(100, 15 * MILLI, 200);
    syncs(100, MILLI, 200);
    assertThat(pace.pauseNanos(now, true)).isBetween(40 * MILLI, 50 * MILLI);
    syncs(40_000, MILLI, 200);
    assertThat(pace.pauseNanos(now, true)).isNotPositive();
  }
}
