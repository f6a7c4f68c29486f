package io.bailey.nbd;

import java.util.Locale;
import java.util.Map;

/** PLACEHOLDER. */
public final class ExportStats {
  /** PLACEHOLDER. */
  public enum Kind {
    READ,
    WRITE,
    FLUSH,
    TRIM,
    ZERO,
    CACHE,
    STATUS;

    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** PLACEHOLDER. */
  public record Figures(
      long count, long bytes, double p50Micros, double p99Micros, double p999Micros) {}

  /** PLACEHOLDER. */
  public record Snapshot(Map<Kind, Figures> requests, int queueDepth, long errors) {}

  public Snapshot snapshot() {
    return new Snapshot(Map.of(Kind.READ, new Figures(0, 0, 0, 0, 0)), 0, 0);
  }
}
