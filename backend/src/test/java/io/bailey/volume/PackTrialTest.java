package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class PackTrialTest {
  private final PackTrial trial = new PackTrial();

  /** How many of some blocks are tried. */
  private int tried(int blocks, boolean small) {
    int tried = 0;
    for (int i = 0; i < blocks; i++) {
      if (trial.isDue()) {
        tried++;
        trial.ended(small);
      }
    }
    return tried;
  }

  @Test
  void blocksThatGetSmall_areAllTried() {
    assertThat(tried(1000, true)).isEqualTo(1000);
  }

  @Test
  void ofBlocksThatDoNot_oneOfSixteenIsTried() {
    assertThat(tried(1 + 1 + 3 + 1 + 7 + 1 + 15, false)).isEqualTo(4);
    assertThat(tried(16_000, false)).isEqualTo(1000);
  }

  @Test
  void theFirstThatGetsSmallAgain_hasAllOthersTried() {
    tried(160, false);
    int first = tried(16, true);
    assertThat(first).isBetween(1, 16);
    assertThat(tried(100, true)).isEqualTo(100);
    assertThat(tried(1 + 1 + 3 + 1 + 7, false)).as("as at first").isEqualTo(3);
  }
}
