package io.bailey.bench;

import io.bailey.cli.Table;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Something measured, once or several times.
 *
 * @param value the one that counts
 * @param each of the measurements
 */
record Figure(String what, String unit, double value, Optional<Aim> aim, List<Double> each) {
  /** Of longer series only the value goes into a report: a thousand forks would hide the rest. */
  private static final int MAX_EACH = 100;

  /**
   * What a figure is to reach.
   *
   * @param least whether the bound is the least it may be, or the most
   */
  private record Aim(double bound, boolean least) {
    boolean isReachedBy(double value) {
      return least ? value >= bound : value <= bound;
    }

    @Override
    public String toString() {
      return (least ? "≥ " : "≤ ") + number(bound);
    }
  }

  /** The median of what was measured. */
  static Figure median(String what, String unit, List<Double> each) {
    double value = Median.of(each, Double::doubleValue);
    return new Figure(what, unit, value, Optional.empty(), each);
  }

  /** The most of what was measured. */
  static Figure most(String what, String unit, List<Double> each) {
    double value = each.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    return new Figure(what, unit, value, Optional.empty(), each);
  }

  static Figure once(String what, String unit, double value) {
    return new Figure(what, unit, value, Optional.empty(), List.of(value));
  }

  /** The same with the most that it is to be. */
  Figure atMost(double bound) {
    return new Figure(what, unit, value, Optional.of(new Aim(bound, false)), each);
  }

  /** The same with the least that it is to be. */
  Figure atLeast(double bound) {
    return new Figure(what, unit, value, Optional.of(new Aim(bound, true)), each);
  }

  /** Whether it is as it is to be; true of one that has no aim. */
  boolean isReached() {
    return aim.map(a -> a.isReachedBy(value)).orElse(true);
  }

  /** A table for people. */
  static List<String> lines(List<Figure> figures) {
    Table table = new Table("figure", ">measured", "unit", ">aim", "");
    for (Figure figure : figures) {
      table.row(
          figure.what,
          number(figure.value),
          figure.unit,
          figure.aim.map(Aim::toString).orElse(""),
          figure.aim.isEmpty() ? "" : figure.isReached() ? "reached" : "missed");
    }
    return table.lines();
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, Math.abs(value) < 100 ? "%,.2f" : "%,.0f", value);
  }

  Map<String, @Nullable Object> json() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("what", what);
    json.put("unit", unit);
    json.put("value", value);
    json.put("aim", aim.map(Aim::toString).orElse(null));
    json.put("reached", aim.isEmpty() ? null : isReached());
    json.put("each", each.size() > MAX_EACH ? List.of() : each);
    return json;
  }
}
