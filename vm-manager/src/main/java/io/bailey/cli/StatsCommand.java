package io.bailey.cli;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows counters of volumes. */
@Command(
    name = "stats",
    description = {
      "Show what the clients of volumes did since each was opened, and where its bytes lie.",
      "HITS: blocks read that came from no file of the store. AMP: bytes written to the host's disk"
          + " for each byte that the guest wrote."
    })
final class StatsCommand extends ClientCommand {
  @Parameters(
      arity = "0..1",
      paramLabel = "VOL",
      description = "A volume or VM to show in full; else a line for each volume.")
  private @Nullable String volume;

  @Option(names = "--json", description = "Print the reports as a JSON array, or one as an object.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    if (volume == null) {
      List<JsonObject> reports = daemon.list("stats");
      if (json) {
        out().println(Json.list(reports));
      } else {
        print(Activity.summary(reports.stream().map(Activity::new).toList()));
      }
      return;
    }
    JsonObject report = daemon.get("stats", volumeOf(daemon, volume));
    if (json) {
      out().println(Json.line(report.fields()));
    } else {
      show(new Activity(report));
    }
  }

  private static String volumeOf(DaemonClient daemon, String name) throws IOException {
    return daemon.find("vms", name).flatMap(vm -> vm.optional("volume")).orElse(name);
  }

  private void show(Activity activity) {
    out()
        .println(
            activity.volume()
                + ": "
                + activity.report().string("connections")
                + " clients, "
                + activity.queueDepth()
                + " requests in flight, "
                + activity.report().string("errors")
                + " errors");
    print(activity.requests());
    Table places = new Table("PLACE", ">BYTES");
    places.row("write buffer", ByteSize.format(activity.stored("bufferBytes")));
    places.row("journal", ByteSize.format(activity.stored("journalBytes")));
    int level = 0;
    for (long bytes : activity.report().object("storage").numbers("levelBytes")) {
      places.row("level " + level++, ByteSize.format(bytes));
    }
    print(places);
    out().println("blocks read: " + activity.sources());
    out().println("from no file of the store: " + Activity.percent(activity.hits()));
    out()
        .println(
            "written: "
                + ByteSize.format(activity.stored("guestBytesWritten"))
                + " by the guest, "
                + ByteSize.format(activity.stored("hostBytesWritten"))
                + " to the host's disk, "
                + String.format(Locale.ROOT, "%.2f", activity.amplification())
                + " for each byte of the guest");
  }
}
