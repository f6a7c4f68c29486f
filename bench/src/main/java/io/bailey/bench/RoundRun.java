package io.bailey.bench;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Runs rounds of a workload against a disk: writes, then reads of the same addresses with every
 * byte checked. Making and checking the bytes is part of the time. One thread.
 */
final class RoundRun {
  private static final int REPORT_EVERY = 500;

  private final Workload workload;
  private final boolean flush;
  private final long maxPhaseNanos;

  /** By block, how often it was written. */
  private final short[] versions;

  private final Histogram writeNanos = new Histogram(3);
  private final Pattern pattern = new Pattern();
  private final byte[] buffer = new byte[Workload.MAX_BLOCKS * Pattern.BLOCK_BYTES];

  /**
   * @param flush whether a round's writes end with a flush
   * @param maxPhaseSeconds after which the writes of a round end early; 0 for never
   */
  RoundRun(Workload workload, boolean flush, int maxPhaseSeconds) {
    this.workload = workload;
    this.flush = flush;
    this.maxPhaseNanos =
        maxPhaseSeconds == 0 ? Long.MAX_VALUE : TimeUnit.SECONDS.toNanos(maxPhaseSeconds);
    this.versions = new short[(int) (workload.spanBytes() / Pattern.BLOCK_BYTES)];
  }

  /**
   * What a round took.
   *
   * @param operations done, of writes and of reads each; fewer than asked for where time ran out
   * @param blocks written
   * @param writeP999Millis that 999 of 1,000 writes took at most; of a disk that has several
   *     requests in flight this and the next say nothing
   * @param slowestWriteMillis of all
   */
  record Times(
      int operations,
      long blocks,
      double writeSeconds,
      double readSeconds,
      double writeP999Millis,
      double slowestWriteMillis) {
    double writesPerSecond() {
      return operations / writeSeconds;
    }

    double readsPerSecond() {
      return operations / readSeconds;
    }
  }

  /** Hears of progress, now and then. */
  @FunctionalInterface
  interface Listener {
    void done(int writes, int reads);
  }

  /**
   * Runs a round.
   *
   * @throws IOException if the disk fails, or gives back other bytes than were written
   */
  Times run(Disk disk, int round, Listener listener) throws IOException {
    writeNanos.reset();
    long began = System.nanoTime();
    Workload.Requests requests = workload.requests(round);
    int operations = 0;
    long blocks = 0;
    while (operations < workload.operations()) {
      requests.next();
      blocks += requests.blocks();
      write(disk, requests);
      if (++operations % REPORT_EVERY == 0) {
        listener.done(operations, 0);
        if (System.nanoTime() - began > maxPhaseNanos) {
          break;
        }
      }
    }
    disk.drain();
    if (flush) {
      disk.flush();
    }
    double writeSeconds = seconds(began);
    began = System.nanoTime();
    requests = workload.requests(round);
    for (int i = 1; i <= operations; i++) {
      requests.next();
      disk.read(
          requests.block() * Pattern.BLOCK_BYTES,
          requests.blocks() * Pattern.BLOCK_BYTES,
          this::check);
      if (i % REPORT_EVERY == 0) {
        listener.done(operations, i);
      }
    }
    disk.drain();
    return new Times(
        operations,
        blocks,
        writeSeconds,
        seconds(began),
        writeNanos.getValueAtPercentile(99.9) / 1e6,
        writeNanos.getMaxValue() / 1e6);
  }

  private static double seconds(long sinceNanos) {
    return (System.nanoTime() - sinceNanos) / 1e9;
  }

  private void write(Disk disk, Workload.Requests requests) throws IOException {
    int first = (int) requests.block();
    for (int i = 0; i < requests.blocks(); i++) {
      int version = ++versions[first + i] & 0xffff;
      Pattern.fill(first + i, version, buffer, i * Pattern.BLOCK_BYTES);
    }
    long began = System.nanoTime();
    disk.write((long) first * Pattern.BLOCK_BYTES, buffer, requests.blocks() * Pattern.BLOCK_BYTES);
    writeNanos.recordValue(System.nanoTime() - began);
  }

  private void check(long offset, byte[] bytes, int at, int length) throws IOException {
    int first = (int) (offset / Pattern.BLOCK_BYTES);
    for (int i = 0; i < length / Pattern.BLOCK_BYTES; i++) {
      int version = versions[first + i] & 0xffff;
      int wrong = pattern.mismatch(first + i, version, bytes, at + i * Pattern.BLOCK_BYTES);
      if (wrong >= 0) {
        throw new IOException(
            "byte "
                + (offset + (long) i * Pattern.BLOCK_BYTES + wrong)
                + " of the disk is not what version "
                + version
                + " of its block has");
      }
    }
  }
}
