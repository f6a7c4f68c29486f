package io.bailey.cli;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Options without annotations, for the command whose start users wait for: to read annotations, the
 * JVM makes classes, which takes a daemon's start 60 ms.
 */
final class PlainOptions {
  private PlainOptions() {}

  /** An option that takes a value, of a type that picocli converts to. */
  static <V> OptionSpec.Builder value(
      String name, String label, Class<V> type, Consumer<@Nullable V> to) {
    return OptionSpec.builder(name)
        .paramLabel(label)
        .type(type)
        .setter(
            new ISetter() {
              @Override
              public <T> T set(T value) {
                to.accept(type.cast(value));
                return value;
              }
            });
  }

  /** An option that is given or not. */
  static OptionSpec.Builder flag(String name, Consumer<Boolean> to) {
    return value(name, "", Boolean.class, given -> to.accept(Boolean.TRUE.equals(given)))
        .arity("0");
  }

  static OptionSpec help() {
    return OptionSpec.builder("-h", "--help")
        .type(boolean.class)
        .usageHelp(true)
        .description("Show this and exit.")
        .build();
  }
}
