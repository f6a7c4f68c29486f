package io.bailey.nbd;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.AtomicHistogram;
import org.jspecify.annotations.Nullable;

/**
 * What the clients of an export did since it was served. Recording takes no lock; a kind of request
 * costs about 25 KiB from its first use on. Thread-safe.
 */
public final class ExportStats {
  /** Kinds of requests. */
  public enum Kind {
    READ(0),
    WRITE(1),
    FLUSH(2),
    TRIM(3),
    ZERO(4),
    CACHE(5),
    STATUS(6);

    private final int index;

    Kind(int index) {
      this.index = index;
    }

    /** As it is shown: {@code read}, {@code write}… */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Its place in an array of all kinds. */
    int index() {
      return index;
    }

    static Kind of(int command) {
      return switch (command) {
        case Wire.READ -> READ;
        case Wire.WRITE -> WRITE;
        case Wire.FLUSH -> FLUSH;
        case Wire.TRIM -> TRIM;
        case Wire.WRITE_ZEROES -> ZERO;
        case Wire.CACHE -> CACHE;
        case Wire.BLOCK_STATUS -> STATUS;
        default -> throw new IllegalArgumentException("no request kind " + command);
      };
    }
  }

  /**
   * Requests of one kind that were answered without an error. Latencies run from a request's last
   * byte read to its reply written.
   *
   * @param bytes that the requests asked for
   * @param p50Micros median latency, in µs
   */
  public record Figures(
      long count, long bytes, double p50Micros, double p99Micros, double p999Micros) {}

  /**
   * The state at one moment, nearly: counters go on while they are read.
   *
   * @param requests every kind, also those never used
   * @param queueDepth requests read and not answered yet
   * @param errors requests answered with an error
   */
  public record Snapshot(Map<Kind, Figures> requests, int queueDepth, long errors) {
    public Figures of(Kind kind) {
      return requests.getOrDefault(kind, NONE);
    }
  }

  /** Latencies are counted in this unit and up to {@link #HIGHEST_UNITS}, above as that. */
  private static final long UNIT_NANOS = 100;

  private static final long HIGHEST_UNITS = TimeUnit.SECONDS.toNanos(60) / UNIT_NANOS;
  private static final Figures NONE = new Figures(0, 0, 0, 0, 0);
  private static final int KINDS = Kind.values().length;

  private final AtomicReferenceArray<@Nullable AtomicHistogram> latencies =
      new AtomicReferenceArray<>(KINDS);
  private final LongAdder[] bytes = new LongAdder[KINDS];
  private final AtomicInteger depth = new AtomicInteger();
  private final LongAdder errors = new LongAdder();

  ExportStats() {
    for (int i = 0; i < KINDS; i++) {
      bytes[i] = new LongAdder();
    }
  }

  void started() {
    depth.incrementAndGet();
  }

  /** Records requests of one kind that were answered together. */
  void answered(Kind kind, int count, long totalBytes, long nanos) {
    depth.addAndGet(-count);
    bytes[kind.index()].add(totalBytes);
    long units = Math.clamp(nanos / UNIT_NANOS, 0, HIGHEST_UNITS);
    histogram(kind).recordValueWithCount(units, count);
  }

  void failed(int count) {
    depth.addAndGet(-count);
    errors.add(count);
  }

  /** Requests that were read and whose client went away before their answer. */
  void abandoned(int count) {
    depth.addAndGet(-count);
  }

  private AtomicHistogram histogram(Kind kind) {
    AtomicHistogram found = latencies.get(kind.index());
    if (found != null) {
      return found;
    }
    latencies.compareAndSet(kind.index(), null, new AtomicHistogram(HIGHEST_UNITS, 2));
    return histogram(kind);
  }

  public Snapshot snapshot() {
    Map<Kind, Figures> figures = new EnumMap<>(Kind.class);
    for (Kind kind : Kind.values()) {
      AtomicHistogram live = latencies.get(kind.index());
      figures.put(kind, live == null ? NONE : figures(live.copy(), bytes[kind.index()].sum()));
    }
    return new Snapshot(figures, Math.max(0, depth.get()), errors.sum());
  }

  private static Figures figures(AtomicHistogram latency, long bytes) {
    return new Figures(
        latency.getTotalCount(),
        bytes,
        micros(latency, 50),
        micros(latency, 99),
        micros(latency, 99.9));
  }

  private static double micros(AtomicHistogram latency, double percentile) {
    return latency.getValueAtPercentile(percentile) * UNIT_NANOS / 1000.0;
  }
}
