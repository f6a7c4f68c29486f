package io.bailey.cli;

import java.util.List;
import java.util.Locale;

/**
 * One volume's report from the daemon, and what follows from its counters. Latencies are in µs,
 * sources in 4 KiB blocks.
 */
record Activity(JsonObject report) {
  private static final List<String> KINDS =
      List.of("read", "write", "flush", "trim", "zero", "cache", "status");

  String volume() {
    return report.string("volume");
  }

  long count(String kind) {
    return requests(kind).number("count");
  }

  long bytes(String kind) {
    return requests(kind).number("bytes");
  }

  double micros(String kind, String percentile) {
    return requests(kind).decimal(percentile + "Micros");
  }

  long queueDepth() {
    return report.number("queueDepth");
  }

  long stored(String counter) {
    return report.object("storage").number(counter);
  }

  private JsonObject requests(String kind) {
    return report.object("requests").object(kind);
  }

  /**
   * The part of the blocks read that came from no file of the store, 0 to 1; 1 where none was read.
   * What did come from one may have been in the kernel's page cache.
   */
  double hits() {
    long disk = stored("readsFromDisk");
    long all = disk + stored("readsFromBuffer") + stored("readsFromCache") + stored("readsOfHoles");
    return all == 0 ? 1 : (double) (all - disk) / all;
  }

  /** Bytes written to the host's disk for each byte that the guest wrote. */
  double amplification() {
    long guest = stored("guestBytesWritten");
    return guest == 0 ? 0 : (double) stored("hostBytesWritten") / guest;
  }

  long levelBytes() {
    return report.object("storage").numbers("levelBytes").stream().mapToLong(n -> n).sum();
  }

  /** Where reads were answered from, in words: {@code buffer 3, cache 91, disk 12, holes 0}. */
  String sources() {
    return "buffer "
        + stored("readsFromBuffer")
        + ", cache "
        + stored("readsFromCache")
        + ", disk "
        + stored("readsFromDisk")
        + ", holes "
        + stored("readsOfHoles");
  }

  /** A line a volume. */
  static Table summary(List<Activity> activities) {
    Table table =
        new Table(
            "VOLUME",
            ">CLIENTS",
            ">DEPTH",
            ">READS",
            ">READ",
            ">WRITES",
            ">WRITTEN",
            ">FLUSHES",
            ">R-P99",
            ">W-P99",
            ">HITS",
            ">BUFFER",
            ">JOURNAL",
            ">LEVELS",
            ">AMP",
            ">ERRORS");
    for (Activity activity : activities) {
      table.row(
          activity.volume(),
          activity.report.string("connections"),
          Long.toString(activity.queueDepth()),
          Long.toString(activity.count("read")),
          ByteSize.format(activity.bytes("read")),
          Long.toString(activity.count("write")),
          ByteSize.format(activity.bytes("write")),
          Long.toString(activity.count("flush")),
          time(activity.micros("read", "p99")),
          time(activity.micros("write", "p99")),
          percent(activity.hits()),
          ByteSize.format(activity.stored("bufferBytes")),
          ByteSize.format(activity.stored("journalBytes")),
          ByteSize.format(activity.levelBytes()),
          ratio(activity.amplification()),
          activity.report.string("errors"));
    }
    return table;
  }

  /** A line a kind of request. */
  Table requests() {
    Table table = new Table("REQUEST", ">COUNT", ">BYTES", ">P50", ">P99", ">P99.9");
    for (String kind : KINDS) {
      if (count(kind) > 0) {
        table.row(
            kind,
            Long.toString(count(kind)),
            ByteSize.format(bytes(kind)),
            time(micros(kind, "p50")),
            time(micros(kind, "p99")),
            time(micros(kind, "p999")));
      }
    }
    return table;
  }

  /** A latency with its unit; a dash where nothing was measured. */
  static String time(double micros) {
    if (micros <= 0) {
      return "-";
    }
    if (micros < 1000) {
      return String.format(Locale.ROOT, "%.0f µs", micros);
    }
    return micros < 1_000_000
        ? String.format(Locale.ROOT, "%.1f ms", micros / 1000)
        : String.format(Locale.ROOT, "%.1f s", micros / 1_000_000);
  }

  static String percent(double part) {
    return String.format(Locale.ROOT, "%.0f%%", part * 100);
  }

  private static String ratio(double value) {
    return value == 0 ? "-" : String.format(Locale.ROOT, "%.2f", value);
  }
}
