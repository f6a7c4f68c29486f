package io.bailey.nbd;

import io.bailey.io.StorageException;
import io.bailey.volume.BlockDevice;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * The NBD server of a process: makes exports, and watches over their connections from one thread.
 * Thread-safe.
 */
public final class NbdServer implements AutoCloseable {
  /** How long {@link #close} lets requests in flight end. */
  public static final Duration CLOSE_GRACE = Duration.ofSeconds(5);

  private static final long WATCH_MILLIS = 20;
  private static final System.Logger LOG = System.getLogger(NbdServer.class.getName());

  private final Set<NbdExport> exports = ConcurrentHashMap.newKeySet();
  private final BufferPool buffers = new BufferPool();
  private final RequestMemory memory = new RequestMemory();
  private final HandshakeLoop handshakes = new HandshakeLoop();
  private final Semaphore pollers = PolledChannel.pollers();
  private final ThreadFactory readers;
  private final Duration handshakeTime;
  private final Thread watcher;
  private volatile boolean closed;

  public NbdServer() {
    this(Duration.ofSeconds(Connection.HANDSHAKE_SECONDS), readers());
  }

  /**
   * @param handshakeTime that a client has from its connect to its GO
   * @param readers whose threads read what clients ask
   */
  NbdServer(Duration handshakeTime, ThreadFactory readers) {
    this.handshakeTime = handshakeTime;
    this.readers = readers;
    this.watcher = Thread.ofPlatform().name("nbd-watch").daemon().start(this::watch);
  }

  /**
   * Platform threads: a virtual one costs two thread switches more where it waits for a socket,
   * which a client at depth 1 sees as four times the latency.
   */
  static ThreadFactory readers() {
    return Thread.ofPlatform().name("nbd-", 0).daemon().factory();
  }

  /**
   * Serves a device; clients may connect when this returns.
   *
   * @param name of the export, 1 to 4096 bytes
   * @param description for people
   * @param socket whose directory is made, or made 0700; what a dead server left there is replaced
   * @throws StorageException of kind INVALID for a name or a path that is too long, EXISTS where a
   *     file is in the socket's place, CLOSED after {@link #close}, IO for the rest
   */
  public NbdExport serve(String name, String description, BlockDevice device, Path socket)
      throws StorageException {
    NbdExport.checkName(name);
    UnixListener listener = UnixListener.bind(socket);
    NbdExport export = new NbdExport(this, name, description, device, listener, readers);
    exports.add(export);
    Thread.ofVirtual().name("nbd-accept-" + name).start(export::accept);
    if (closed) {
      stop(export, Duration.ZERO);
      throw new StorageException(StorageException.Kind.CLOSED, "the NBD server is closed");
    }
    return export;
  }

  /** Removes what a dead server left in a socket's place and beside it. */
  public static void clear(Path socket) throws IOException {
    UnixListener.clear(socket);
  }

  /** Stops every export, all at the same time, and returns when they have stopped. */
  @Override
  public void close() {
    closed = true;
    watcher.interrupt();
    Thread[] stoppers =
        exports.stream()
            .map(export -> Thread.startVirtualThread(() -> stop(export, CLOSE_GRACE)))
            .toArray(Thread[]::new);
    for (Thread stopper : stoppers) {
      boolean interrupted = false;
      while (stopper.isAlive()) {
        try {
          stopper.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    handshakes.close();
  }

  private static void stop(NbdExport export, Duration grace) {
    try {
      export.stop(grace);
    } catch (IOException e) {
      LOG.log(Level.ERROR, "export {0}: stopping: {1}", export.name(), e.getMessage());
    }
  }

  BufferPool buffers() {
    return buffers;
  }

  Semaphore pollers() {
    return pollers;
  }

  HandshakeLoop handshakes() {
    return handshakes;
  }

  RequestMemory memory() {
    return memory;
  }

  long handshakeNanos() {
    return handshakeTime.toNanos();
  }

  void stopped(NbdExport export) {
    exports.remove(export);
  }

  private static void watch(NbdExport export, long now) {
    try {
      export.watch(now);
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, () -> "export " + export.name() + ": watching its connections", e);
    }
  }

  private void watch() {
    while (!closed) {
      long now = System.nanoTime();
      for (NbdExport export : exports) {
        watch(export, now);
      }
      try {
        TimeUnit.MILLISECONDS.sleep(WATCH_MILLIS);
      } catch (InterruptedException e) {
        return;
      }
    }
  }
}
