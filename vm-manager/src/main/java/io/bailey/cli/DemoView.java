package io.bailey.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Map;

/** The demo's table of VMs: redrawn in place on a terminal, else printed when it is complete. */
final class DemoView {
  private final PrintWriter out;
  private final boolean live;
  private int drawn;

  DemoView(PrintWriter out, boolean live) {
    this.out = out;
    this.live = live;
  }

  /** One VM with what is known of it. */
  record Row(JsonObject vm, Activity activity, GuestChecks checks) {}

  /** Shows the present state where the output can be redrawn. */
  void update(List<Row> rows) {
    if (live) {
      draw(rows);
    }
  }

  /** Shows the last state. */
  void finish(List<Row> rows) {
    draw(rows);
    drawn = 0;
  }

  private void draw(List<Row> rows) {
    if (drawn > 0) {
      out.print("\u001b[" + drawn + "A\u001b[J");
    }
    List<String> lines = table(rows).lines();
    lines.forEach(out::println);
    drawn = lines.size();
    out.flush();
  }

  static Table table(List<Row> rows) {
    Table table =
        new Table(
            "VM",
            "STATE",
            ">BOOT",
            ">READS",
            ">READ",
            ">WRITES",
            ">WRITTEN",
            ">HITS",
            ">CACHE",
            ">DISK",
            ">BUFFER",
            ">HOLES",
            "CHECKS");
    for (Row row : rows) {
      Activity activity = row.activity();
      table.row(
          row.vm().string("name"),
          row.vm().string("state"),
          PsCommand.seconds(row.vm()),
          Long.toString(activity.count("read")),
          ByteSize.format(activity.bytes("read")),
          Long.toString(activity.count("write")),
          ByteSize.format(activity.bytes("write")),
          Activity.percent(activity.hits()),
          Long.toString(activity.stored("readsFromCache")),
          Long.toString(activity.stored("readsFromDisk")),
          Long.toString(activity.stored("readsFromBuffer")),
          Long.toString(activity.stored("readsOfHoles")),
          String.join(", ", row.checks().said()));
    }
    return table;
  }

  /** The rows for VMs, with their reports by volume and their checks by name. */
  static List<Row> rows(
      List<JsonObject> vms, Map<String, Activity> activities, Map<String, GuestChecks> checks) {
    return vms.stream()
        .map(
            vm ->
                new Row(
                    vm,
                    activities.getOrDefault(vm.string("volume"), new Activity(JsonObject.empty())),
                    checks.getOrDefault(vm.string("name"), GuestChecks.of(""))))
        .toList();
  }
}
