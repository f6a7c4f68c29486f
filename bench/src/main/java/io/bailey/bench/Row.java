package io.bailey.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What was measured of one subject, in one run or several. */
record Row(Subject subject, List<RandomRun> runs) {
  int rounds() {
    return runs.getFirst().rounds().size();
  }

  /** A figure of each round: the median of the runs. */
  List<Double> each(ToDoubleFunction<RoundRun.Times> figure) {
    return IntStream.range(0, rounds())
        .mapToObj(round -> Median.of(runs, run -> figure.applyAsDouble(run.rounds().get(round))))
        .toList();
  }

  /** The median of the rounds. */
  double median(ToDoubleFunction<RoundRun.Times> figure) {
    return Median.of(each(figure), Double::doubleValue);
  }

  /** The median of the runs. */
  double ofRuns(ToDoubleFunction<RandomRun> figure) {
    return Median.of(runs, figure);
  }

  /** The median of the runs of a figure that all of them have, or none. */
  OptionalDouble ofRunsIfCounted(Function<RandomRun, OptionalDouble> figure) {
    return runs.stream().map(figure).allMatch(OptionalDouble::isPresent)
        ? OptionalDouble.of(ofRuns(run -> figure.apply(run).orElseThrow()))
        : OptionalDouble.empty();
  }

  /** Whether the time of a single write is known: not where several are in flight. */
  boolean timesWrites() {
    return subject.depth() <= 1;
  }

  /** The slowest of all writes of all runs, in ms. */
  double slowestWriteMillis() {
    return runs.stream().mapToDouble(RandomRun::slowestWriteMillis).max().orElseThrow();
  }

  Map<String, @Nullable Object> json() {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("subject", subject.name().toLowerCase(Locale.ROOT));
    row.put("title", subject.title());
    row.put("depth", subject.depth());
    row.put("writesPerSecond", median(RoundRun.Times::writesPerSecond));
    row.put("readsPerSecond", median(RoundRun.Times::readsPerSecond));
    row.put("writeP999Millis", timesWrites() ? median(RoundRun.Times::writeP999Millis) : null);
    row.put("slowestWriteMillis", timesWrites() ? slowestWriteMillis() : null);
    row.put("storedBytes", ofRuns(RandomRun::storedBytes));
    row.put("files", ofRuns(RandomRun::files));
    row.put("hostBytesPerGuestByte", ofRuns(RandomRun::bytesPerGuestByte));
    row.put("hostBytesPerPackedGuestByte", ofRuns(RandomRun::bytesPerPackedByte));
    row.put("hostWritesPerWrite", orNull(ofRunsIfCounted(RandomRun::hostWritesPerWrite)));
    row.put("bytesPerHostWrite", orNull(ofRunsIfCounted(RandomRun::bytesPerHostWrite)));
    row.put("cpuSecondsPer100kOperations", ofRuns(RandomRun::cpuSecondsPer100k));
    row.put("residentBytes", ofRuns(run -> run.usage().residentBytes()));
    row.put("runs", runs.stream().map(run -> rounds(run.rounds())).toList());
    return row;
  }

  private List<Map<String, @Nullable Object>> rounds(List<RoundRun.Times> rounds) {
    List<Map<String, @Nullable Object>> each = new ArrayList<>();
    for (RoundRun.Times times : rounds) {
      Map<String, @Nullable Object> round = new LinkedHashMap<>();
      round.put("operations", times.operations());
      round.put("writesPerSecond", times.writesPerSecond());
      round.put("readsPerSecond", times.readsPerSecond());
      round.put("writeP999Millis", timesWrites() ? times.writeP999Millis() : null);
      round.put("slowestWriteMillis", timesWrites() ? times.slowestWriteMillis() : null);
      each.add(round);
    }
    return each;
  }

  private static @Nullable Double orNull(OptionalDouble value) {
    return value.isPresent() ? value.getAsDouble() : null;
  }
}
