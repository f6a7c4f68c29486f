package io.bailey.bench;

import java.util.Collection;
import java.util.function.ToDoubleFunction;

/** The middle of several figures; of an even number of them the mean of the two in the middle. */
final class Median {
  private Median() {}

  static <T> double of(Collection<T> measured, ToDoubleFunction<? super T> figure) {
    double[] sorted = measured.stream().mapToDouble(figure).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
