package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GuestChecksTest {
  private static final String GOOD =
      """
      [    0.5] some kernel line\r
      BAILEY ready vm-1\r
      BAILEY check golden ok\r
      BAILEY own ok 8\r
      BAILEY foreign none\r
      BAILEY done ok\r
      """;

  @Test
  void a_guest_that_says_all_is_well_has_no_problems() {
    GuestChecks checks = GuestChecks.of(GOOD);
    assertThat(checks.done()).isTrue();
    assertThat(checks.problems()).isEmpty();
    assertThat(checks.said()).containsExactly("golden ok", "own ok 8", "foreign none");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "check golden ok/check golden damaged",
        "own ok 8/own damaged 8",
        "foreign none/foreign /vm/vm-2",
        "done ok/done failed",
        "check golden ok/nothing",
        "ready vm-1/failed no disk"
      })
  void each_check_that_fails_or_is_left_out_is_a_problem(String change) {
    String[] words = change.split("/", 2);
    assertThat(GuestChecks.of(GOOD.replace(words[0], words[1])).problems()).isNotEmpty();
  }

  @Test
  void a_guest_that_still_works_is_not_done() {
    GuestChecks checks = GuestChecks.of(GOOD.substring(0, GOOD.indexOf("BAILEY foreign")));
    assertThat(checks.done()).isFalse();
    assertThat(checks.problems()).isEmpty();
  }
}
