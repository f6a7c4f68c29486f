package io.bailey.daemon;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.buffer.Buffer;

/** Everything the daemon counts, in one registry. */
final class DaemonMetrics implements AutoCloseable {
  private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics collections = new JvmGcMetrics();
  private boolean bound;

  DaemonMetrics(StorageHost storage) {
    registry.getPrometheusRegistry().register(new VolumeMetrics(storage));
  }

  MeterRegistry registry() {
    return registry;
  }

  /** All of it as Prometheus reads it. May take milliseconds: not for an event loop. */
  ApiReply scrape() {
    bindJvm();
    return new ApiReply(200, PROMETHEUS_TEXT, Buffer.buffer(registry.scrape()));
  }

  @Override
  public synchronized void close() {
    collections.close();
    registry.close();
  }

  /** Only when somebody asks: the JVM's own beans take longer to load than the daemon to start. */
  private synchronized void bindJvm() {
    if (!bound) {
      bound = true;
      collections.bindTo(registry);
      new JvmMemoryMetrics().bindTo(registry);
      new JvmThreadMetrics().bindTo(registry);
      new ProcessorMetrics().bindTo(registry);
      new FileDescriptorMetrics().bindTo(registry);
      new UptimeMetrics().bindTo(registry);
    }
  }
}
