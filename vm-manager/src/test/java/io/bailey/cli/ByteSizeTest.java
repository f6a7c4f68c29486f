package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
  @ParameterizedTest
  @CsvSource({
    "0,0",
    "512,512",
    "1K,1024",
    "512M,536870912",
    "10G,10737418240",
    "16T,17592186044416",
    "8191P,9222246136947933184",
    "9223372036854775807,9223372036854775807"
  })
  void sizes_are_numbers_with_units_of_1024(String text, long bytes) {
    assertThat(ByteSize.parse(text).bytes()).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "G", "-1", "+1", "1.5G", "10g", "10GB", "10GiB", " 10G", "10 G", "0x10", "١"})
  void anything_else_is_refused_with_an_example(String text) {
    assertThatThrownBy(() -> ByteSize.parse(text)).hasMessageContaining("such as 10G");
  }

  @ParameterizedTest
  @ValueSource(strings = {"8192P", "9223372036854775808", "9999999999999999999K"})
  void more_than_a_long_holds_is_refused_not_wrapped(String text) {
    assertThatThrownBy(() -> ByteSize.parse(text)).hasMessageContaining("more bytes than");
  }

  @Test
  void formatted_sizes_are_short() {
    assertThat(ByteSize.format(0)).isEqualTo("0 B");
    assertThat(ByteSize.format(1023)).isEqualTo("1023 B");
    assertThat(ByteSize.format(1536)).isEqualTo("1.5 KiB");
    assertThat(ByteSize.format(64L << 20)).isEqualTo("64 MiB");
    assertThat(ByteSize.format((1L << 20) - 1)).isEqualTo("1 MiB");
    assertThat(ByteSize.format(Long.MAX_VALUE)).isEqualTo("8192 PiB");
  }

  @Test
  void anyTextIsASizeOrIsRefused() {
    String letters = "0123456789KMGTPkmi .-+\u0663\n";
    Random random = new Random(7);
    for (int i = 0; i < 100_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(24); length > 0; length--) {
        int kinds = random.nextBoolean() ? 10 : letters.length();
        text.append(letters.charAt(random.nextInt(kinds)));
      }
      try {
        assertThat(ByteSize.parse(text.toString()).bytes()).isNotNegative();
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageStartingWith("'" + text + "' is ");
      }
    }
  }
}
