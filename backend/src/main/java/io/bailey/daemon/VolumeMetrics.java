package io.bailey.daemon;

import io.bailey.volume.VolumeStats;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.Quantile;
import io.prometheus.metrics.model.snapshots.Quantiles;
import io.prometheus.metrics.model.snapshots.SummarySnapshot;
import io.prometheus.metrics.model.snapshots.SummarySnapshot.SummaryDataPointSnapshot;
import java.util.ArrayList;
import java.util.List;

/**
 * What all volumes did, for Prometheus.
 *
 * <p>Design note: not meters registered volume by volume. Hundreds of volumes would have ten
 * thousands of them, each asking for a whole report at each scrape, and they would have to be taken
 * back with their volume. Here a scrape takes one report a volume, and a volume that is gone has
 * left nothing.
 */
final class VolumeMetrics implements MultiCollector {
  private final StorageHost storage;

  VolumeMetrics(StorageHost storage) {
    this.storage = storage;
  }

  @Override
  public MetricSnapshots collect() {
    List<ExportReport> reports = storage.reports();
    List<MetricSnapshot> all = new ArrayList<>();
    addRequests(reports, all);
    addPlaces(reports, all);
    GaugeSnapshot.Builder volumes = gauge("bailey_volumes", "Volumes that are served.");
    volumes.dataPoint(point(Labels.EMPTY, reports.size()));
    GaugeSnapshot.Builder images = gauge("bailey_images", "Images in the store.");
    images.dataPoint(point(Labels.EMPTY, storage.images().size()));
    all.add(volumes.build());
    all.add(images.build());
    return new MetricSnapshots(all);
  }

  private static void addRequests(List<ExportReport> reports, List<MetricSnapshot> all) {
    CounterSnapshot.Builder requests =
        counter("bailey_requests", "Requests answered, by volume and kind.");
    CounterSnapshot.Builder bytes =
        counter("bailey_request_bytes", "Bytes of the requests answered, by volume and kind.");
    SummarySnapshot.Builder latency =
        SummarySnapshot.builder()
            .name("bailey_request_latency_seconds")
            .help("From a request's last byte read to its reply written, since the start.");
    CounterSnapshot.Builder errors =
        counter("bailey_request_errors", "Requests answered with an error.");
    GaugeSnapshot.Builder depth = gauge("bailey_queue_depth", "Requests in flight.");
    GaugeSnapshot.Builder connections = gauge("bailey_connections", "Clients attached.");
    for (ExportReport report : reports) {
      Labels volume = Labels.of("volume", report.volume());
      report
          .requests()
          .forEach(
              (kind, counted) -> {
                Labels labels = volume.add("kind", kind);
                requests.dataPoint(count(labels, counted.count()));
                bytes.dataPoint(count(labels, counted.bytes()));
                latency.dataPoint(
                    SummaryDataPointSnapshot.builder()
                        .labels(labels)
                        .count(counted.count())
                        .quantiles(
                            Quantiles.of(
                                new Quantile(0.5, counted.p50Micros() / 1e6),
                                new Quantile(0.99, counted.p99Micros() / 1e6),
                                new Quantile(0.999, counted.p999Micros() / 1e6)))
                        .build());
              });
      errors.dataPoint(count(volume, report.errors()));
      depth.dataPoint(point(volume, report.queueDepth()));
      connections.dataPoint(point(volume, report.connections()));
    }
    all.addAll(
        List.of(
            requests.build(),
            bytes.build(),
            latency.build(),
            errors.build(),
            depth.build(),
            connections.build()));
  }

  private static void addPlaces(List<ExportReport> reports, List<MetricSnapshot> all) {
    GaugeSnapshot.Builder buffer =
        gauge("bailey_buffer_bytes", "Memory that the write buffers take.");
    GaugeSnapshot.Builder journal =
        gauge("bailey_journal_bytes", "Bytes of the journal that the volume still needs.");
    GaugeSnapshot.Builder levels =
        gauge("bailey_level_bytes", "Stored bytes of each level; 0 is the newest.");
    CounterSnapshot.Builder guest =
        counter("bailey_guest_written_bytes", "Bytes that clients wrote.");
    CounterSnapshot.Builder host =
        counter("bailey_host_written_bytes", "Bytes written to the host's disk for the volume.");
    CounterSnapshot.Builder reads =
        counter(
            "bailey_read_blocks",
            "Blocks of 4 KiB that reads asked for, by where they were; disk is a file of the store,"
                + " which the kernel may have in memory.");
    CounterSnapshot.Builder damaged =
        counter(
            "bailey_damaged_reads",
            "Reads that met bytes which aren't the ones that were written; the log names them.");
    for (ExportReport report : reports) {
      Labels volume = Labels.of("volume", report.volume());
      VolumeStats stats = report.storage();
      buffer.dataPoint(point(volume, stats.bufferBytes()));
      journal.dataPoint(point(volume, stats.journalBytes()));
      for (int level = 0; level < stats.levelBytes().size(); level++) {
        levels.dataPoint(
            point(volume.add("level", Integer.toString(level)), stats.levelBytes().get(level)));
      }
      guest.dataPoint(count(volume, stats.guestBytesWritten()));
      host.dataPoint(count(volume, stats.hostBytesWritten()));
      reads.dataPoint(count(volume.add("source", "buffer"), stats.readsFromBuffer()));
      reads.dataPoint(count(volume.add("source", "cache"), stats.readsFromCache()));
      reads.dataPoint(count(volume.add("source", "disk"), stats.readsFromDisk()));
      reads.dataPoint(count(volume.add("source", "hole"), stats.readsOfHoles()));
      damaged.dataPoint(count(volume, stats.damaged()));
    }
    all.addAll(
        List.of(
            buffer.build(),
            journal.build(),
            levels.build(),
            guest.build(),
            host.build(),
            reads.build(),
            damaged.build()));
  }

  private static CounterSnapshot.Builder counter(String name, String help) {
    return CounterSnapshot.builder().name(name).help(help);
  }

  private static GaugeSnapshot.Builder gauge(String name, String help) {
    return GaugeSnapshot.builder().name(name).help(help);
  }

  private static CounterDataPointSnapshot count(Labels labels, long value) {
    return CounterDataPointSnapshot.builder().labels(labels).value((double) value).build();
  }

  private static GaugeDataPointSnapshot point(Labels labels, long value) {
    return GaugeDataPointSnapshot.builder().labels(labels).value((double) value).build();
  }
}
