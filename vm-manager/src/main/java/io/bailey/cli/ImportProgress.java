package io.bailey.cli;

import java.util.Objects;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A progress bar on standard error, for work that takes a while on a terminal. */
final class ImportProgress implements DaemonClient.ProgressListener, AutoCloseable {
  private static final int WIDTH = 78;
  private final boolean terminal;
  private final long showAtNanos;
  private final String what;
  private @Nullable ProgressBar bar;

  private ImportProgress(boolean terminal, long delayMillis, String what) {
    this.terminal = terminal;
    this.showAtNanos = System.nanoTime() + delayMillis * 1_000_000;
    this.what = what;
  }

  /** A bar that appears if the work still goes on after a while, and only on a terminal. */
  static ImportProgress after(long delayMillis, String what) {
    return new ImportProgress(Terminals.isStderrTerminal(), delayMillis, what);
  }

  @Override
  public void progress(long done, long total) {
    if (!terminal || total <= 0 || (bar == null && System.nanoTime() < showAtNanos)) {
      return;
    }
    if (bar == null) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(what)
              .setInitialMax(total)
              .setUnit(" MiB", 1 << 20)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(100)
              .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
              .build();
    }
    bar.maxHint(total);
    bar.stepTo(done);
  }

  @Override
  public void close() {
    if (bar != null) {
      Objects.requireNonNull(bar).close();
    }
  }
}
