package io.bailey.cli;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What {@code top} shows: rates between two samples of each volume's counters, in an order. */
final class TopView {
  /** What rows are sorted by; each has a key. */
  enum Order {
    NAME('n', "name"),
    READS('r', "reads/s"),
    WRITES('w', "writes/s"),
    BYTES('b', "bytes/s"),
    LATENCY('l', "latency"),
    MISSES('m', "misses"),
    DEPTH('d', "queue depth");

    private final char key;
    private final String label;

    Order(char key, String label) {
      this.key = key;
      this.label = label;
    }

    /** The order of a key; the present one where it is no order's key. */
    static Order of(int key, Order present) {
      for (Order order : values()) {
        if (order.key == key) {
          return order;
        }
      }
      return present;
    }

    String label() {
      return label;
    }

    static String keys() {
      StringBuilder text = new StringBuilder();
      for (Order order : values()) {
        text.append(order.key).append(' ').append(order.label).append("  ");
      }
      return text.append("q quit").toString();
    }
  }

  /**
   * A volume's rates.
   *
   * @param vm the VM that has the volume, or the volume's own name
   * @param readBytes bytes a second
   */
  record Row(
      String vm,
      String state,
      double reads,
      double writes,
      double readBytes,
      double writeBytes,
      Activity now) {
    private double latency() {
      return Math.max(now.micros("read", "p99"), now.micros("write", "p99"));
    }
  }

  private static final Comparator<Row> BY_NAME = Comparator.comparing(Row::vm);

  private TopView() {}

  /** Rows for the volumes of the later sample; one that is new has its rates since its start. */
  static List<Row> rows(
      Map<String, Activity> before,
      List<Activity> after,
      double seconds,
      List<JsonObject> vms,
      Order order) {
    List<Row> rows = new ArrayList<>();
    for (Activity now : after) {
      Activity then = before.getOrDefault(now.volume(), new Activity(JsonObject.empty()));
      JsonObject vm =
          vms.stream()
              .filter(v -> v.string("volume").equals(now.volume()))
              .findFirst()
              .orElse(JsonObject.empty());
      rows.add(
          new Row(
              vm.optional("name").orElse(now.volume()),
              vm.optional("state").orElse("-"),
              rate(now.count("read"), then.count("read"), seconds),
              rate(now.count("write"), then.count("write"), seconds),
              rate(now.bytes("read"), then.bytes("read"), seconds),
              rate(now.bytes("write"), then.bytes("write"), seconds),
              now));
    }
    rows.sort(comparator(order).thenComparing(BY_NAME));
    return rows;
  }

  private static double rate(long now, long then, double seconds) {
    // A volume deleted and made again under its name counts from zero.
    return Math.max(0, now - then) / seconds;
  }

  private static Comparator<Row> comparator(Order order) {
    return switch (order) {
      case NAME -> BY_NAME;
      case READS -> Comparator.comparingDouble(Row::reads).reversed();
      case WRITES -> Comparator.comparingDouble(Row::writes).reversed();
      case BYTES ->
          Comparator.comparingDouble((Row row) -> row.readBytes() + row.writeBytes()).reversed();
      case LATENCY -> Comparator.comparingDouble(Row::latency).reversed();
      case MISSES -> Comparator.comparingDouble((Row row) -> row.now().hits());
      case DEPTH -> Comparator.comparingLong((Row row) -> row.now().queueDepth()).reversed();
    };
  }

  static Table table(List<Row> rows) {
    Table table =
        new Table(
            "VM",
            "STATE",
            ">READS/S",
            ">WRITES/S",
            ">READ/S",
            ">WRITE/S",
            ">R-P99",
            ">W-P99",
            ">DEPTH",
            ">HITS",
            ">AMP");
    for (Row row : rows) {
      table.row(
          row.vm(),
          row.state(),
          String.format(Locale.ROOT, "%.0f", row.reads()),
          String.format(Locale.ROOT, "%.0f", row.writes()),
          ByteSize.format((long) row.readBytes()),
          ByteSize.format((long) row.writeBytes()),
          Activity.time(row.now().micros("read", "p99")),
          Activity.time(row.now().micros("write", "p99")),
          Long.toString(row.now().queueDepth()),
          Activity.percent(row.now().hits()),
          String.format(Locale.ROOT, "%.2f", row.now().amplification()));
    }
    return table;
  }

  /** A row as JSON, with rates a second. */
  static JsonObject json(Row row) {
    return JsonObject.empty()
        .with("vm", row.vm())
        .with("volume", row.now().volume())
        .with("state", row.state())
        .with("readsPerSecond", row.reads())
        .with("writesPerSecond", row.writes())
        .with("readBytesPerSecond", row.readBytes())
        .with("writeBytesPerSecond", row.writeBytes())
        .with("readP99Micros", row.now().micros("read", "p99"))
        .with("writeP99Micros", row.now().micros("write", "p99"))
        .with("queueDepth", row.now().queueDepth())
        .with("hits", row.now().hits())
        .with("amplification", row.now().amplification());
  }
}
