package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.bailey.nbd.NbdServer;
import io.bailey.volume.MemoryBudget;
import io.bailey.volume.OuterKey;
import io.bailey.volume.Store;
import io.bailey.volume.StoreOptions;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The host daemon: a store, its volumes over NBD, and the control API, in the order in which they
 * need each other, and stopped in the opposite one.
 *
 * <h2>Stopping</h2>
 *
 * <p>Imports are cancelled and the control API closes, then extensions stop while volumes are still
 * served, then exports end and flush, the store closes, and the sockets go. {@link #run} does it on
 * TERM, INT and HUP; a second signal, or {@value #STOP_SECONDS} s, ends the process hard, which
 * costs nothing that was acknowledged. One that comes at once is the first: {@code timeout} and
 * terminals send theirs to a process and to its group.
 */
public final class BaileyDaemon implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(BaileyDaemon.class.getName());
  private static final long STOP_SECONDS = 20;
  private static final long SAME_SIGNAL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final String VERSION = ApiDescription.resource("version.txt").trim();

  private final DaemonOptions options;
  private final Instant startedAt = Instant.now();
  private final StopSequence stops = new StopSequence();
  private final RunDirectory run;
  private final Router router;
  private OptionalInt loopbackPort = OptionalInt.empty();
  private boolean serves;

  private BaileyDaemon(DaemonOptions options, List<? extends DaemonExtension> extensions)
      throws IOException {
    this.options = options;
    try {
      this.run = RunDirectory.take(options.runDirectory());
      stops.add("the run directory", run::close);
      StorageHost storage = openStorage();
      Vertx vertx = startVertx();
      DaemonMetrics metrics = new DaemonMetrics(storage);
      stops.add("the metrics", metrics::close);
      this.router = ControlServer.router(vertx);
      ApiRoutes routes = new ApiRoutes(vertx, router);
      StorageRoutes storageRoutes = new StorageRoutes(storage, vertx);
      storageRoutes.addTo(router, routes);
      addOwnRoutes(routes, metrics);
      if (options.loopbackPort().isPresent()) {
        startLoopback(vertx, metrics, options.loopbackPort().getAsInt());
      }
      for (DaemonExtension extension : extensions) {
        stops.add("the " + extension.getClass().getSimpleName(), () -> stop(extension));
        extension.start(
            new DaemonExtension.Context(
                vertx, router, storage, metrics.registry(), run.directory()));
      }
      ControlServer control = ControlServer.onSocket(vertx, router, run);
      stops.add("the control socket", control::stop);
      stops.add("imports and checks", storageRoutes::stop);
      this.serves = true;
    } catch (IOException | RuntimeException e) {
      stopAfter(e);
      throw e;
    }
  }

  /**
   * Starts a daemon in this process; the control socket answers when this returns.
   *
   * @throws StorageException one line that says what is in the way; nothing is left running
   */
  public static BaileyDaemon start(
      DaemonOptions options, List<? extends DaemonExtension> extensions) throws IOException {
    BaileyDaemon daemon = new BaileyDaemon(options, extensions);
    LOG.log(
        Level.INFO,
        "bailey "
            + VERSION
            + " serves store "
            + options.store()
            + " on "
            + daemon.controlSocket()
            + ", memory budget "
            + (options.memoryBudgetBytes() >> 20)
            + " MiB");
    long heap = new MemoryBudget(options.memoryBudgetBytes()).heapBytes();
    if (Runtime.getRuntime().maxMemory() < heap / 8 * 7) {
      LOG.log(
          Level.WARNING,
          "the heap of {0} MiB is too small for the memory budget: give the JVM -Xmx{1}m, as"
              + " 'bailey daemon' does",
          Runtime.getRuntime().maxMemory() >> 20,
          heap >> 20);
    }
    return daemon;
  }

  /**
   * Runs a daemon until TERM, INT or HUP; the process is to end when this returns.
   *
   * @param ready hears the control socket once it answers
   * @return the exit code: 0 after a clean stop, 1 if something failed to stop
   */
  public static int run(
      DaemonOptions options, List<? extends DaemonExtension> extensions, Consumer<Path> ready)
      throws IOException {
    CoreFiles.leaveMemoryOut();
    CountDownLatch stop = new CountDownLatch(1);
    StopSequence[] stopping = new StopSequence[1];
    AtomicLong signalled = new AtomicLong();
    Signals.onStop(
        () -> {
          synchronized (stopping) {
            long now = System.nanoTime();
            if (stop.getCount() > 0) {
              signalled.set(now);
              stop.countDown();
            } else if (now - signalled.get() > SAME_SIGNAL_NANOS) {
              endHard("stopped by a second signal", stopping[0]);
            }
          }
        });
    BaileyDaemon daemon = start(options, extensions);
    synchronized (stopping) {
      stopping[0] = daemon.stops;
    }
    ready.accept(daemon.controlSocket());
    try {
      stop.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      LOG.log(Level.WARNING, "interrupted: stopping");
    }
    LOG.log(Level.INFO, "stopping");
    Thread.ofPlatform().daemon().name("stop deadline").start(() -> endAtDeadline(daemon.stops));
    try {
      daemon.close();
      LOG.log(Level.INFO, "stopped");
      return 0;
    } catch (IOException e) {
      LOG.log(Level.ERROR, "stopped, but not cleanly: " + e.getMessage());
      return 1;
    }
  }

  /**
   * Changes the outer key of a store that no daemon has open.
   *
   * @param options say where the store is and how it opens now
   * @param next is asked once it has
   */
  public static void rekey(DaemonOptions options, OuterKey.Source next) throws IOException {
    CoreFiles.leaveMemoryOut();
    try (RunDirectory run = RunDirectory.take(options.runDirectory())) {
      Store.rekey(storeOptions(options, run), next);
    }
  }

  /** This build's version. */
  public static String version() {
    return VERSION;
  }

  public Path controlSocket() {
    return run.controlSocket();
  }

  /** The TCP port on 127.0.0.1, if there is one. */
  public OptionalInt loopbackPort() {
    return loopbackPort;
  }

  /**
   * What the control API answers, as {@code "GET /v1/things/{name}"}; the routes of extensions are
   * among them. The OpenAPI file is held against this.
   */
  public Set<String> operations() {
    return ApiRoutes.operations(router);
  }

  /** Stops everything, last started first. A second call does nothing. */
  @Override
  public void close() throws IOException {
    stops.run();
  }

  private StorageHost openStorage() throws IOException {
    for (String orphan : MemoryDirectory.orphans(MemoryDirectory.SHARED)) {
      LOG.log(Level.WARNING, orphan);
    }
    Store store = Store.open(storeOptions(options, run));
    stops.add("the store", store::close);
    NbdServer server = new NbdServer();
    stops.add("the NBD server", server::close);
    StorageHost storage = new StorageHost(store, server, run);
    stops.add("exports", storage::stopExports);
    storage.serveAll();
    return storage;
  }

  private Vertx startVertx() {
    // Read by Vert.x when its first class loads; without it Vert.x looks for five log libraries.
    System.setProperty(
        "vertx.logger-delegate-factory-class-name",
        "io.vertx.core.logging.SLF4JLogDelegateFactory");
    VertxOptions vertxOptions = new VertxOptions().setPreferNativeTransport(true);
    vertxOptions
        .getFileSystemOptions()
        .setFileCachingEnabled(false)
        .setClassPathResolvingEnabled(false);
    Vertx vertx = Vertx.vertx(vertxOptions);
    stops.add("Vert.x", () -> ControlServer.await(vertx.close(), "close Vert.x"));
    if (!vertx.isNativeTransportEnabled()) {
      LOG.log(
          Level.WARNING,
          "no native epoll transport here, using the JDK's: "
              + vertx.unavailableNativeTransportCause());
    }
    return vertx;
  }

  private void startLoopback(Vertx vertx, DaemonMetrics metrics, int port) throws IOException {
    Router loopback = ControlServer.router(vertx);
    new ApiRoutes(vertx, loopback).get("/metrics", request -> metrics.scrape());
    ControlServer server = ControlServer.onLoopback(vertx, loopback, port);
    stops.add("the loopback port", server::stop);
    loopbackPort = OptionalInt.of(server.port());
    LOG.log(Level.INFO, "metrics on http://127.0.0.1:" + server.port() + "/metrics");
  }

  private void addOwnRoutes(ApiRoutes routes, DaemonMetrics metrics) {
    Buffer description = Buffer.buffer(ApiDescription.text());
    routes
        .get("/v1/info", request -> ApiReply.ok(info()))
        .get("/metrics", request -> metrics.scrape())
        .get("/v1/openapi.yaml", request -> new ApiReply(200, "application/yaml", description));
  }

  private void stop(DaemonExtension extension) {
    if (serves) {
      extension.stop();
    } else {
      extension.leave();
    }
  }

  private JsonObject info() {
    return new JsonObject()
        .put("version", VERSION)
        .put("pid", ProcessHandle.current().pid())
        .put("store", options.store().toString())
        .put("runDirectory", options.runDirectory().toString())
        .put("memoryBudgetBytes", options.memoryBudgetBytes())
        .put("startedAt", startedAt.toString());
  }

  private void stopAfter(Exception failure) {
    try {
      stops.run();
    } catch (IOException e) {
      failure.addSuppressed(e);
    }
  }

  private static StoreOptions storeOptions(DaemonOptions options, RunDirectory run)
      throws IOException {
    return new StoreOptions(
        options.store(),
        new MemoryDirectory(options.store(), run),
        options.memoryBudgetBytes(),
        options.key(),
        options.acceptRollback());
  }

  private static void endAtDeadline(StopSequence stopping) {
    try {
      TimeUnit.SECONDS.sleep(STOP_SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    endHard("stopping took longer than " + STOP_SECONDS + " s", stopping);
  }

  private static void endHard(String why, @Nullable StopSequence stopping) {
    String waiting = stopping == null ? "the start" : stopping.waitingFor();
    LOG.log(Level.ERROR, why + ": ended while waiting for " + waiting);
    Runtime.getRuntime().halt(1);
  }
}
