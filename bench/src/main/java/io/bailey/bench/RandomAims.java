package io.bailey.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** What {@code bench random} is to show, at the size that other figures are published for. */
final class RandomAims {
  private static final Workload PUBLISHED = new Workload(16L << 30, 100_000, 1);

  /** A durable volume may reach this part of an ephemeral one's figures. */
  private static final double DURABLE = 0.7;

  private final Map<Subject, Row> rows = new EnumMap<>(Subject.class);
  private final List<Figure> figures = new ArrayList<>();

  private RandomAims(List<Row> rows) {
    rows.forEach(row -> this.rows.put(row.subject(), row));
  }

  /** What was measured against what is wanted; nothing for a workload of another size. */
  static List<Figure> of(Workload workload, List<Row> rows) {
    if (workload.spanBytes() != PUBLISHED.spanBytes()
        || workload.operations() != PUBLISHED.operations()) {
      return List.of();
    }
    RandomAims aims = new RandomAims(rows);
    aims.inProcess(Subject.EPHEMERAL, 1);
    aims.inProcess(Subject.DURABLE, DURABLE);
    aims.beside(Subject.NBD1, Subject.QCOW2_1, Subject.VPC1, 1);
    aims.beside(Subject.NBD1_DURABLE, Subject.QCOW2_1, Subject.VPC1, DURABLE);
    aims.beside(Subject.NBD32, Subject.QCOW2_32, Subject.VPC32, 1);
    aims.beside(Subject.NBD32_DURABLE, Subject.QCOW2_32, Subject.VPC32, DURABLE);
    return aims.figures;
  }

  private void inProcess(Subject subject, double part) {
    Row row = rows.get(subject);
    if (row == null) {
      return;
    }
    String of = subject.title() + ": ";
    rates(of + "writes, slowest round", row.each(RoundRun.Times::writesPerSecond), part * 80_000);
    rates(of + "reads, slowest round", row.each(RoundRun.Times::readsPerSecond), part * 60_000);
    double mib = row.ofRuns(RandomRun::storedBytes) / (1 << 20);
    if (row.rounds() == 3) {
      figures.add(Figure.once(of + "stored after 3 rounds", "MiB", mib).atMost(390 / part));
    } else if (row.rounds() == 10) {
      figures.add(Figure.once(of + "stored after 10 rounds", "MiB", mib).atMost(1150 / part));
      figures.add(Figure.once(of + "files", "", row.ofRuns(RandomRun::files)).atMost(1000));
      double written = row.ofRuns(RandomRun::bytesPerPackedByte);
      figures.add(
          Figure.once(of + "bytes written per guest byte after compression", "", written)
              .atMost(3));
    }
    row.ofRunsIfCounted(RandomRun::bytesPerHostWrite)
        .ifPresent(
            bytes ->
                figures.add(
                    Figure.once(of + "mean host write", "KiB", bytes / 1024).atLeast(512 * part)));
    figures.add(Figure.once(of + "slowest write", "ms", row.slowestWriteMillis()).atMost(50));
  }

  private void rates(String what, List<Double> rounds, double least) {
    figures.add(Figure.once(what, "/s", Collections.min(rounds)).atLeast(least));
    if (rounds.size() >= 10) {
      double kept = rounds.getLast() / rounds.getFirst();
      figures.add(Figure.once(what.replace("slowest", "last to first"), "×", kept).atLeast(0.8));
    }
  }

  private void beside(Subject subject, Subject qcow2, Subject vpc, double part) {
    ratio(subject, qcow2, "writes", RoundRun.Times::writesPerSecond, part * 3);
    ratio(subject, qcow2, "reads", RoundRun.Times::readsPerSecond, part * 1.5);
    ratio(subject, vpc, "writes", RoundRun.Times::writesPerSecond, part * 25);
  }

  private void ratio(
      Subject subject,
      Subject other,
      String what,
      ToDoubleFunction<RoundRun.Times> figure,
      double least) {
    Row ours = rows.get(subject);
    Row theirs = rows.get(other);
    if (ours != null && theirs != null) {
      String title = subject.title() + ": " + what + " beside " + other.title();
      double times = ours.median(figure) / theirs.median(figure);
      figures.add(Figure.once(title, "×", times).atLeast(least));
    }
  }
}
