package io.bailey.bench;

import io.bailey.cli.Terminals;
import java.util.Optional;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** How far a measurement is: a bar on a terminal, a line elsewhere. One thread. */
final class Progress implements AutoCloseable {
  private static final int WIDTH = 100;

  private final Optional<ProgressBar> bar;

  Progress(String title, long total) {
    if (!Terminals.isStderrTerminal()) {
      System.err.println("measuring " + title);
      bar = Optional.empty();
      return;
    }
    bar =
        Optional.of(
            new ProgressBarBuilder()
                .setTaskName(title)
                .setInitialMax(total)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(200)
                .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
                .build());
  }

  void at(long done) {
    bar.ifPresent(b -> b.stepTo(done));
  }

  /** Names what is done next. */
  void note(String what) {
    bar.ifPresent(b -> b.setExtraMessage(what));
  }

  @Override
  public void close() {
    bar.ifPresent(ProgressBar::close);
  }
}
