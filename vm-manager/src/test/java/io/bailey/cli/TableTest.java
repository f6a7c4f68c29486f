package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class TableTest {
  @Test
  void columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right() {
    Table table = new Table("NAME", ">SIZE").row("a", "1").row("longer", "12345");
    assertThat(table.lines()).containsExactly("NAME     SIZE", "a           1", "longer  12345");
  }

  @Test
  void no_line_ends_in_blanks() {
    assertThat(new Table("A", "B").row("x", "").lines()).containsExactly("A  B", "x");
  }

  @Test
  void a_cell_cannot_steer_the_terminal() {
    assertThat(new Table("A").row("x\u001b[2J\ny").lines().get(1)).isEqualTo("x?[2J?y");
  }

  @Test
  void a_row_of_another_length_is_a_mistake() {
    assertThatThrownBy(() -> new Table("A", "B").row("x"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void ages_have_one_unit() {
    assertThat(Moment.ago(Duration.ofSeconds(119))).isEqualTo("119 s ago");
    assertThat(Moment.ago(Duration.ofMinutes(119))).isEqualTo("119 min ago");
    assertThat(Moment.ago(Duration.ofHours(47))).isEqualTo("47 h ago");
    assertThat(Moment.ago(Duration.ofDays(3))).isEqualTo("3 days ago");
    assertThat(Moment.ago(Duration.ofSeconds(-5))).isEqualTo("0 s ago");
    assertThat(Moment.ago("no time")).isEqualTo("no time");
  }
}
