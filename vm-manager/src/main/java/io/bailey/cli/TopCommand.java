package io.bailey.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jline.terminal.Attributes;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.NonBlockingReader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows what each VM's disk does now, again and again. */
@Command(
    name = "top",
    description = {
      "Show live what each VM's disk does: requests and bytes a second, latency, hits.",
      "Keys sort: n name, r reads, w writes, b bytes, l latency, m misses, d depth; q quits.",
      "Where the output is no terminal, it prints one table after the other."
    })
final class TopCommand extends ClientCommand {
  private static final String HOME_AND_CLEAR = "\u001b[H\u001b[2J";

  @Option(
      names = {"-i", "--interval"},
      paramLabel = "SECONDS",
      defaultValue = "1",
      description = "Time between two samples, 0.1 to 3600; 1 where it isn't given.")
  private double intervalSeconds;

  @Option(
      names = {"-n", "--count"},
      paramLabel = "N",
      description = "End after so many tables.")
  private @Nullable Integer count;

  @Option(
      names = "--sort",
      paramLabel = "KEY",
      defaultValue = "n",
      description = "One of the keys, to begin with.")
  private String sort = "n";

  @Option(names = "--json", description = "Print a JSON array an interval.")
  private boolean json;

  private TopView.Order order = TopView.Order.NAME;
  private Map<String, Activity> before = new HashMap<>();
  private long sampledAtNanos;

  @Override
  void run(DaemonClient daemon) throws IOException {
    if (!(intervalSeconds >= 0.1 && intervalSeconds <= 3600)) {
      throw usage("--interval is 0.1 to 3600 seconds");
    }
    if (count != null && count < 1) {
      throw usage("--count is at least 1");
    }
    order = sort.length() == 1 ? TopView.Order.of(sort.charAt(0), order) : order;
    if (order == TopView.Order.NAME && !sort.equals("n")) {
      throw usage("--sort is n, r, w, b, l, m or d, not '" + sort + "'");
    }
    sample(daemon);
    if (json || !Terminals.isInteractive()) {
      plain(daemon);
    } else {
      interactive(daemon);
    }
  }

  private void plain(DaemonClient daemon) throws IOException {
    for (int i = 0; count == null || i < count; i++) {
      try {
        Thread.sleep((long) (intervalSeconds * 1000));
      } catch (InterruptedException e) {
        throw new InterruptedIOException("interrupted");
      }
      List<TopView.Row> rows = sample(daemon);
      if (json) {
        out().println(Json.list(rows.stream().map(TopView::json).toList()));
      } else {
        print(TopView.table(rows));
        out().println();
      }
      out().flush();
      if (out().checkError()) {
        return;
      }
    }
  }

  private void interactive(DaemonClient daemon) throws IOException {
    try (Terminal terminal = TerminalBuilder.builder().system(true).provider("exec").build()) {
      Attributes cooked = terminal.enterRawMode();
      try {
        loop(daemon, terminal);
      } finally {
        terminal.setAttributes(cooked);
        terminal.writer().println();
        terminal.flush();
      }
    }
  }

  private void loop(DaemonClient daemon, Terminal terminal) throws IOException {
    NonBlockingReader keys = terminal.reader();
    long nextNanos = System.nanoTime();
    int shown = 0;
    while (true) {
      if (System.nanoTime() >= nextNanos) {
        if (count != null && shown == count) {
          return;
        }
        draw(terminal, daemon, sample(daemon));
        nextNanos = System.nanoTime() + (long) (intervalSeconds * 1e9);
        shown++;
      }
      long waitMillis = Math.max(1, (nextNanos - System.nanoTime()) / 1_000_000);
      int key = keys.read(waitMillis);
      if (key == 'q' || key == 'Q' || key == 3 || key == NonBlockingReader.EOF) {
        return;
      }
      TopView.Order chosen = TopView.Order.of(key, order);
      if (chosen != order) {
        order = chosen;
        nextNanos = System.nanoTime();
      }
    }
  }

  private void draw(Terminal terminal, DaemonClient daemon, List<TopView.Row> rows) {
    int width = terminal.getWidth() > 0 ? terminal.getWidth() : 80;
    int height = terminal.getHeight() > 0 ? terminal.getHeight() : 24;
    double reads = rows.stream().mapToDouble(TopView.Row::reads).sum();
    double writes = rows.stream().mapToDouble(TopView.Row::writes).sum();
    StringBuilder screen = new StringBuilder(HOME_AND_CLEAR);
    String head =
        String.format(
            Locale.ROOT,
            "bailey %s  %d volumes  %.0f reads/s  %.0f writes/s  by %s",
            daemon.runDirectory(),
            rows.size(),
            reads,
            writes,
            order.label());
    screen.append(cut(head, width)).append("\r\n");
    screen.append(cut(TopView.Order.keys(), width)).append("\r\n\r\n");
    TopView.table(rows).lines().stream()
        .limit(Math.max(1, height - 4))
        .forEach(line -> screen.append(cut(line, width)).append("\r\n"));
    terminal.writer().print(screen);
    terminal.flush();
  }

  private static String cut(String line, int width) {
    return line.length() <= width ? line : line.substring(0, width);
  }

  private List<TopView.Row> sample(DaemonClient daemon) throws IOException {
    List<Activity> after = daemon.list("stats").stream().map(Activity::new).toList();
    long now = System.nanoTime();
    double seconds = sampledAtNanos == 0 ? intervalSeconds : (now - sampledAtNanos) / 1e9;
    List<TopView.Row> rows =
        TopView.rows(before, after, Math.max(seconds, 1e-3), vms(daemon), order);
    before = new HashMap<>();
    after.forEach(activity -> before.put(activity.volume(), activity));
    sampledAtNanos = now;
    return rows;
  }

  private static List<JsonObject> vms(DaemonClient daemon) throws IOException {
    try {
      return daemon.list("vms");
    } catch (DaemonException e) {
      // A daemon without the VM manager has no such route, and still has volumes.
      return List.of();
    }
  }
}
