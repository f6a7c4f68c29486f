package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void what_is_read_is_written_the_same() throws IOException {
    String text = "{\"a\":1,\"b\":[true,false,null,2.5,\"x\\\"\\n\"],\"c\":{\"d\":\"µ\"}}";
    assertThat(Json.line(Json.object(text).fields())).isEqualTo(text);
  }

  @Test
  void missing_and_null_fields_are_empty() throws IOException {
    JsonObject object = Json.object("{\"a\":null}");
    assertThat(object.has("a")).isFalse();
    assertThat(object.optional("a")).isEmpty();
    assertThat(object.string("b")).isEmpty();
    assertThat(object.number("b")).isZero();
    assertThat(object.object("b").fields()).isEmpty();
    assertThat(object.numbers("b")).isEmpty();
  }

  @Test
  void a_list_has_one_element_a_line() throws IOException {
    assertThat(Json.list(Json.objects("[{\"a\":1},{\"a\":2}]")))
        .isEqualTo("[\n  {\"a\":1},\n  {\"a\":2}\n]");
    assertThat(Json.list(Json.objects("[]"))).isEqualTo("[]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "12",
        "{} {}",
        "{\"a\":}",
        "<html>",
        "{\"a\":99999999999999999999999}",
        "{\"a\":[1,2"
      })
  void what_is_not_one_object_is_an_io_exception(String text) {
    assertThatThrownBy(() -> Json.object(text)).isInstanceOf(IOException.class);
  }

  @Test
  void depth_is_bounded() {
    assertThatThrownBy(() -> Json.object("{\"a\":" + "[".repeat(100_000)))
        .isInstanceOf(IOException.class);
  }
}
