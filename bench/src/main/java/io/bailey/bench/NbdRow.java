package io.bailey.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** What was measured of one disk at one size and depth, again and again. */
record NbdRow(NbdSubject subject, long spanBytes, int depth, List<Pass> passes) {
  /**
   * A fresh disk written and read.
   *
   * @param cpuSeconds of the server, from the first write until it had nothing more to do
   */
  record Pass(Fio.Result writes, Fio.Result reads, double cpuSeconds) {
    double cpuSecondsPer100k() {
      return cpuSeconds / (writes.requests() + reads.requests()) * 100_000;
    }
  }

  double median(ToDoubleFunction<Pass> figure) {
    return Median.of(passes, figure);
  }

  double writesPerSecond() {
    return median(pass -> pass.writes().perSecond());
  }

  double readsPerSecond() {
    return median(pass -> pass.reads().perSecond());
  }

  /** Whether the writes ended before they had covered the span. */
  boolean endedEarly() {
    return passes.stream()
        .anyMatch(pass -> pass.writes().requests() < spanBytes / Fio.REQUEST_BYTES);
  }

  Map<String, @Nullable Object> json() {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("subject", subject.name().toLowerCase(Locale.ROOT));
    row.put("title", subject.title());
    row.put("spanBytes", spanBytes);
    row.put("depth", depth);
    row.put("writesPerSecond", writesPerSecond());
    row.put("readsPerSecond", readsPerSecond());
    row.put("writeP99Micros", median(pass -> pass.writes().p99Micros()));
    row.put("readP99Micros", median(pass -> pass.reads().p99Micros()));
    row.put("cpuSecondsPer100kOperations", median(Pass::cpuSecondsPer100k));
    row.put("writes", each(pass -> pass.writes().perSecond()));
    row.put("reads", each(pass -> pass.reads().perSecond()));
    row.put("requestsWritten", each(pass -> pass.writes().requests()));
    return row;
  }

  private List<Double> each(ToDoubleFunction<Pass> figure) {
    return Arrays.stream(passes.stream().mapToDouble(figure).toArray()).boxed().toList();
  }
}
