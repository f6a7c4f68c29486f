package io.bailey.bench;

import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What one run on a fresh disk gave.
 *
 * @param storedBytes what its files take on the disk, once it has settled
 * @param files how many those are
 * @param usage what its process used from the first round to the last, settling included
 */
record RandomRun(List<RoundRun.Times> rounds, long storedBytes, long files, Usage usage) {
  private long writes() {
    return rounds.stream().mapToLong(RoundRun.Times::operations).sum();
  }

  private long guestBytes() {
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

  double slowestWriteMillis() {
    return rounds.stream().mapToDouble(RoundRun.Times::slowestWriteMillis).max().orElseThrow();
  }
}
