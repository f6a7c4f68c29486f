package io.bailey.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * What was measured of one subject.
 *
 * @param storedBytes what its files take on the disk, once it has settled
 * @param files how many those are
 * @param usage what its process used from the first round to the last, settling included
 */
record Row(
    Subject subject, List<RoundRun.Times> rounds, long storedBytes, long files, Usage usage) {
  double median(ToDoubleFunction<RoundRun.Times> figure) {
    double[] sorted = rounds.stream().mapToDouble(figure).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  long writes() {
    return rounds.stream().mapToLong(RoundRun.Times::operations).sum();
  }

  long guestBytes() {
    return rounds.stream().mapToLong(RoundRun.Times::blocks).sum() * Pattern.BLOCK_BYTES;
  }

  /** Bytes written to the host's files per byte that the guest wrote. */
  double bytesPerGuestByte() {
    return (double) usage.hostBytesWritten() / guestBytes();
  }

  /** The same per byte that is left of the guest's after compression. */
  double bytesPerPackedByte() {
    return bytesPerGuestByte() * Pattern.BLOCK_BYTES / Pattern.PACKED_BLOCK_BYTES;
  }

  /** Requests to the host's files per write of the guest; empty where they weren't counted. */
  OptionalDouble hostWritesPerWrite() {
    OptionalLong host = usage.hostWrites();
    return host.isPresent()
        ? OptionalDouble.of((double) host.getAsLong() / writes())
        : OptionalDouble.empty();
  }

  OptionalDouble bytesPerHostWrite() {
    OptionalLong host = usage.hostWrites();
    return host.isPresent() && host.getAsLong() > 0
        ? OptionalDouble.of((double) usage.hostBytesWritten() / host.getAsLong())
        : OptionalDouble.empty();
  }

  double cpuSecondsPer100k() {
    return usage.cpuSeconds() / (2.0 * writes()) * 100_000;
  }

  Map<String, @Nullable Object> json() {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("subject", subject.name().toLowerCase(Locale.ROOT));
    row.put("title", subject.title());
    row.put("depth", subject.depth());
    row.put("writesPerSecond", median(RoundRun.Times::writesPerSecond));
    row.put("readsPerSecond", median(RoundRun.Times::readsPerSecond));
    row.put("storedBytes", storedBytes);
    row.put("files", files);
    row.put("hostBytesPerGuestByte", bytesPerGuestByte());
    row.put("hostBytesPerPackedGuestByte", bytesPerPackedByte());
    row.put("hostWritesPerWrite", orNull(hostWritesPerWrite()));
    row.put("bytesPerHostWrite", orNull(bytesPerHostWrite()));
    row.put("cpuSecondsPer100kOperations", cpuSecondsPer100k());
    row.put("residentBytes", usage.residentBytes());
    List<@Nullable Object> each = new ArrayList<>();
    for (RoundRun.Times times : rounds) {
      Map<String, @Nullable Object> round = new LinkedHashMap<>();
      round.put("operations", times.operations());
      round.put("writesPerSecond", times.writesPerSecond());
      round.put("readsPerSecond", times.readsPerSecond());
      each.add(round);
    }
    row.put("rounds", each);
    return row;
  }

  private static @Nullable Double orNull(OptionalDouble value) {
    return value.isPresent() ? value.getAsDouble() : null;
  }
}
