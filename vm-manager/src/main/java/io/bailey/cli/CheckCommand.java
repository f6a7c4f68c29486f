package io.bailey.cli;

import io.bailey.daemon.OfflineCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Reads every byte that images and volumes need. */
@Command(
    name = "check",
    description = {
      "Read every byte that images and volumes need, and say what is damaged.",
      "Files that nothing needs are garbage and no damage. Exit code 1 if anything is damaged"
          + " and not repaired."
    })
final class CheckCommand extends ClientCommand {
  private static final int MAX_RANGES_SHOWN = 10;
  private static final int BLOCK_BYTES = 4096;

  @Parameters(
      arity = "0..*",
      paramLabel = "NAME",
      description =
          "An image NAME:TAG or a volume; a name alone is a volume, else the image NAME:latest."
              + " Everything where none is given.")
  private List<String> names = List.of();

  @Option(
      names = "--store",
      paramLabel = "DIR",
      description = "Check this store by itself; no daemon may have it open.")
  private @Nullable Path store;

  private final KeyOptions key = new KeyOptions();

  @Option(
      order = 1,
      names = "--values",
      description =
          "Open each value too, also in files that are what their names say. Takes several times"
              + " as long; shows what a faulty program wrote, not what a disk did.")
  private boolean values;

  @Option(
      order = 1,
      names = "--repair-from",
      paramLabel = "SRC",
      description =
          "Fetch files that are missing or damaged from here and put them in place: an http:// or"
              + " https:// URL before their names, another store, or a directory of such files.")
  private @Nullable String repairFrom;

  @Option(order = 1, names = "--json", description = "Print the report as a JSON object.")
  private boolean json;

  static CommandSpec spec() {
    CheckCommand command = new CheckCommand();
    CommandSpec spec = CommandSpec.forAnnotatedObject(command);
    command.key.addTo(spec);
    return spec;
  }

  @Override
  void run() throws IOException {
    key.check(line());
    if (store == null) {
      key.checkNone(line());
      super.run();
    } else {
      tell(checkByItself(store.toAbsolutePath().normalize()));
    }
  }

  @Override
  void run(DaemonClient daemon) throws IOException {
    tell(checkWith(daemon));
  }

  private JsonObject checkByItself(Path directory) throws IOException {
    try (ImportProgress progress = progress()) {
      return Json.object(
          OfflineCheck.run(directory, key, names, values, source(), progress::progress));
    }
  }

  private JsonObject checkWith(DaemonClient daemon) throws IOException {
    try (ImportProgress progress = progress()) {
      return daemon.check(names, values, source(), progress);
    }
  }

  private static ImportProgress progress() {
    return ImportProgress.after(1000, "check");
  }

  private void tell(JsonObject report) throws IOException {
    if (json) {
      out().println(Json.line(report.fields()));
    } else {
      show(report);
    }
    out().flush();
    if (!report.truth("whole")) {
      long files =
          report.objects("damage").stream().filter(damage -> !damage.truth("repaired")).count();
      boolean more = report.number("moreDamage") > 0;
      throw new IOException(
          "damaged: "
              + (more ? "more than " : "")
              + files
              + (files == 1 ? " file" : " files")
              + (repairFrom == null ? ": --repair-from may have them" : ""));
    }
  }

  /** A path means one of the directory that the command runs in, which isn't the daemon's. */
  private Optional<String> source() {
    if (repairFrom == null) {
      return Optional.empty();
    }
    boolean url = repairFrom.startsWith("http://") || repairFrom.startsWith("https://");
    return Optional.of(
        url ? repairFrom : Path.of(repairFrom).toAbsolutePath().normalize().toString());
  }

  private void show(JsonObject report) {
    Table table = new Table("NAME", "TYPE", ">SIZE", "STATE");
    for (JsonObject checked : report.objects("checked")) {
      table.row(
          checked.string("name"),
          checked.string("type"),
          ByteSize.format(checked.number("size")),
          checked.truth("whole") ? "whole" : "damaged");
    }
    print(table);
    report.objects("damage").forEach(this::showDamage);
    out()
        .println(
            report.string("files")
                + " files and "
                + report.string("journalRecords")
                + " journal records read, "
                + ByteSize.format(report.number("bytes")));
    int garbage = report.size("garbage");
    if (garbage > 0) {
      out().println(garbage + (garbage == 1 ? " file" : " files") + " that nothing needs");
    }
  }

  private void showDamage(JsonObject damage) {
    long places = damage.number("places");
    out().println();
    out().println(Table.printable(damage.string("what")));
    out()
        .println(
            "  in "
                + Table.printable(damage.string("file"))
                + (places > 1 ? ", the first of " + places + " places" : ""));
    if (damage.truth("repaired")) {
      out().println("  repaired");
    }
    if (damage.has("repairFailure")) {
      out().println("  not repaired: " + Table.printable(damage.string("repairFailure")));
    }
    for (JsonObject hit : damage.objects("hits")) {
      String who = "  " + hit.string("type") + " " + Table.printable(hit.string("name"));
      List<JsonObject> ranges = hit.objects("ranges");
      if (ranges.isEmpty()) {
        out().println(who + ": no block that is read now, as far as can be told");
      }
      ranges.stream().limit(MAX_RANGES_SHOWN).forEach(range -> out().println(who + range(range)));
      if (ranges.size() > MAX_RANGES_SHOWN) {
        out().println(who + ": " + (ranges.size() - MAX_RANGES_SHOWN) + " more ranges");
      }
    }
  }

  private static String range(JsonObject range) {
    long from = range.number("from");
    long to = range.number("to");
    if (to <= from) {
      return ": all of it";
    }
    return ": bytes %d to %d, blocks %d to %d"
        .formatted(from, to - 1, from / BLOCK_BYTES, (to - 1) / BLOCK_BYTES);
  }
}
