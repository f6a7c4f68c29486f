package io.bailey.daemon;

import io.bailey.volume.VolumeStats;
import java.util.Map;

/**
 * Statistics of one volume since it was opened.
 *
 * @param requests by kind: read, write, flush, trim, zero, cache, status
 * @param connections clients attached now
 * @param queueDepth requests in flight now
 * @param errors requests answered with an error
 */
public record ExportReport(
    String volume,
    Map<String, Requests> requests,
    int connections,
    int queueDepth,
    long errors,
    VolumeStats storage) {
  /**
   * Requests of one kind.
   *
   * @param p50Micros latency from the request's last byte read to its reply written, in µs
   */
  public record Requests(
      long count, long bytes, double p50Micros, double p99Micros, double p999Micros) {}
}
