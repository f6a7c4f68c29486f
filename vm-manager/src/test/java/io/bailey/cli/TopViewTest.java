package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TopViewTest {
  private static Activity activity(String volume, long reads, long writes) throws IOException {
    return new Activity(
        Json.object(
            """
            {"volume":"%s","requests":{
              "read":{"count":%d,"bytes":%d,"p99Micros":10.0},
              "write":{"count":%d,"bytes":%d,"p99Micros":20.0}},
             "queueDepth":1,"storage":{"readsFromDisk":1,"readsFromCache":3,
             "guestBytesWritten":100,"hostBytesWritten":150}}
            """
                .formatted(volume, reads, reads * 4096, writes, writes * 4096)));
  }

  private static List<String> order(TopView.Order order) throws IOException {
    Map<String, Activity> before =
        Map.of("a", activity("a", 100, 0), "b", activity("b", 0, 0), "c", activity("c", 9, 9));
    List<Activity> after =
        List.of(activity("a", 110, 4), activity("b", 30, 2), activity("c", 9, 9));
    return TopView.rows(before, after, 2, List.of(), order).stream().map(TopView.Row::vm).toList();
  }

  @Test
  void rates_are_differences_over_time() throws IOException {
    TopView.Row row =
        TopView.rows(
                Map.of("a", activity("a", 100, 50)),
                List.of(activity("a", 300, 60)),
                2,
                List.of(Json.object("{\"name\":\"vm-1\",\"volume\":\"a\",\"state\":\"running\"}")),
                TopView.Order.NAME)
            .getFirst();
    assertThat(row.vm()).isEqualTo("vm-1");
    assertThat(row.reads()).isEqualTo(100);
    assertThat(row.writes()).isEqualTo(5);
    assertThat(row.readBytes()).isEqualTo(409_600);
    assertThat(row.now().hits()).isEqualTo(0.75);
    assertThat(row.now().amplification()).isEqualTo(1.5);
  }

  @Test
  void keys_choose_the_order() throws IOException {
    assertThat(order(TopView.Order.of('n', TopView.Order.READS))).containsExactly("a", "b", "c");
    assertThat(order(TopView.Order.of('r', TopView.Order.NAME))).containsExactly("b", "a", "c");
    assertThat(order(TopView.Order.of('w', TopView.Order.NAME))).containsExactly("a", "b", "c");
    assertThat(TopView.Order.of('?', TopView.Order.BYTES)).isEqualTo(TopView.Order.BYTES);
  }

  @Test
  void a_volume_made_again_under_its_name_has_no_negative_rate() throws IOException {
    assertThat(
            TopView.rows(
                    Map.of("a", activity("a", 100, 50)),
                    List.of(activity("a", 1, 1)),
                    1,
                    List.of(),
                    TopView.Order.NAME)
                .getFirst()
                .reads())
        .isZero();
  }
}
