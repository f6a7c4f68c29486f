package io.bailey.nbd;

import io.bailey.io.StorageException;
import io.bailey.nbd.Connection.Earlier;
import io.bailey.volume.BlockDevice;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A device as NBD offers it on a Unix socket of its own. Thread-safe. */
public final class NbdExport {
  /** Clients at a time, those in their handshake included; more are closed at once. */
  static final int MAX_CONNECTIONS = 1024;

  /**
   * Clients at a time that are served; more are refused when they choose the export. Each may have
   * some 1.5 MiB of buffers and two threads.
   */
  static final int MAX_SERVED = 128;

  private static final long LOOK_MILLIS = 1;

  private static final long RETRY_MILLIS = 100;
  private static final long LOG_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final System.Logger LOG = System.getLogger(NbdExport.class.getName());

  private final NbdServer server;
  private final String name;
  private final String description;
  private final BlockDevice device;
  private final UnixListener listener;
  private final ThreadFactory readers;
  private final ExportStats stats = new ExportStats();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();

  /** Those that have chosen the export, or are just doing so. */
  private final Set<Connection> chosen = ConcurrentHashMap.newKeySet();

  /** Closed ones of which requests may still change the disk, and some that were. */
  private final Set<Connection> left = ConcurrentHashMap.newKeySet();

  private final AtomicLong nextFailureLog = new AtomicLong(System.nanoTime());
  private final AtomicLong nextClientLog = new AtomicLong(System.nanoTime());
  private volatile boolean stopping;
  private boolean stopped;

  NbdExport(
      NbdServer server,
      String name,
      String description,
      BlockDevice device,
      UnixListener listener,
      ThreadFactory readers) {
    this.server = server;
    this.name = name;
    this.description = description;
    this.device = device;
    this.listener = listener;
    this.readers = readers;
  }

  public String name() {
    return name;
  }

  public Path socket() {
    return listener.socket();
  }

  public ExportStats stats() {
    return stats;
  }

  /** Clients that are being served now. */
  public int connections() {
    return (int) connections.stream().filter(Connection::isServed).count();
  }

  /**
   * Stops: from now on requests get no answer, so that a client that connects again asks again;
   * those that were being answered get until the end of the grace, then the connections are closed
   * and the device is flushed. The socket's file goes at once. Does nothing the second time. The
   * device stays open.
   *
   * @throws IOException where the flush fails; the export is stopped all the same
   */
  public synchronized void stop(Duration grace) throws IOException {
    if (!stopped) {
      end(grace);
      device.flush();
    }
  }

  /**
   * Stops as {@link #stop} does, without grace and without a flush: for a device that is about to
   * be deleted, which a flush that fails must not keep from it.
   */
  public synchronized void abandon() throws IOException {
    if (!stopped) {
      end(Duration.ZERO);
    }
  }

  private void end(Duration grace) throws IOException {
    stopped = true;
    stopping = true;
    try {
      listener.close();
      long deadline = System.nanoTime() + grace.toNanos();
      connections.stream().filter(connection -> !connection.isServed()).forEach(Connection::close);
      awaitIdle(deadline);
    } finally {
      connections.forEach(Connection::close);
      server.stopped(this);
    }
  }

  private void awaitIdle(long deadline) {
    while (!connections.stream().allMatch(Connection::isIdle)) {
      if (System.nanoTime() - deadline > 0) {
        LOG.log(
            Level.WARNING,
            "export {0}: {1} requests were in flight at the end of the grace; they are cut off",
            name,
            stats.snapshot().queueDepth());
        return;
      }
      sleep(LOOK_MILLIS);
    }
  }

  boolean isStopping() {
    return stopping;
  }

  /** Says yes once in a while, so that a guest's errors don't fill the log. */
  boolean mayLogFailure() {
    return mayLog(nextFailureLog);
  }

  private static boolean mayLog(AtomicLong nextLog) {
    long now = System.nanoTime();
    long next = nextLog.get();
    return now - next >= 0 && nextLog.compareAndSet(next, now + LOG_PAUSE_NANOS);
  }

  /** Logs what a client can bring about as often as it likes. */
  void warn(String what) {
    LOG.log(
        mayLog(nextClientLog) ? Level.WARNING : Level.DEBUG, () -> "export " + name + ": " + what);
  }

  String description() {
    return description;
  }

  BlockDevice device() {
    return device;
  }

  RequestMemory memory() {
    return server.memory();
  }

  Semaphore pollers() {
    return server.pollers();
  }

  HandshakeLoop handshakes() {
    return server.handshakes();
  }

  /** Takes clients until the listener is closed; runs on a thread of its own. */
  void accept() {
    while (!stopping) {
      try {
        take(listener.accept());
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException | RuntimeException | Error e) {
        warn("can't take a client: " + e);
        sleep(RETRY_MILLIS);
      }
    }
  }

  private void take(SocketChannel client) throws IOException {
    boolean taken = false;
    Connection connection;
    try {
      if (connections.size() >= MAX_CONNECTIONS || !listener.trusts(client)) {
        warn("a client was refused: another user, or too many");
        return;
      }
      connection = new Connection(this, client, server.handshakeNanos());
      connections.add(connection);
      taken = true;
    } finally {
      if (!taken) {
        client.close();
      }
    }
    if (stopping) {
      connection.close();
    } else {
      handshakes().admit(connection);
    }
  }

  /** Whether a client may be served; for the thread of the handshakes only. */
  boolean admits(Connection connection) {
    if (chosen.size() >= MAX_SERVED) {
      warn("a client was refused: " + MAX_SERVED + " are being served");
      return false;
    }
    chosen.add(connection);
    if (!connection.isOpen()) {
      chosen.remove(connection);
    }
    return true;
  }

  void startReader(Runnable reader) {
    readers.newThread(reader).start();
  }

  /** Begins to serve a client that has chosen this export. */
  Session open(
      PolledChannel channel,
      Outbox outbox,
      ByteBuffer received,
      boolean structured,
      boolean allocation) {
    RequestRules rules = new RequestRules(device.size(), device.readOnly(), structured, allocation);
    Session.Setting setting = new Session.Setting(device, rules, stats, server.buffers(), name);
    return new Session(setting, this, channel, outbox, received);
  }

  void closed(Connection connection) {
    if (connection.changesLate()) {
      left.add(connection);
    }
    chosen.remove(connection);
    connections.remove(connection);
  }

  /** Those that have been served until now, of which requests may change the disk. */
  List<Earlier> earlier() {
    // In this order: one that is closed meanwhile goes from the first to the second.
    return Stream.of(connections, left)
        .flatMap(Set::stream)
        .filter(Connection::isServed)
        .map(Connection::earlier)
        .collect(Collectors.toCollection(ArrayList::new));
  }

  /**
   * Waits until no request of a client that went away before can change the disk any more, as the
   * end of a process waits for its I/O on a disk: such a change, which nobody waits for, could undo
   * an acknowledged one of the next client. Clients that are there aren't waited for, once it is
   * seen that they are.
   *
   * @param before what {@link #earlier} said when {@code next} came to be; is empty afterwards, so
   *     that nothing keeps them
   */
  void awaitChanges(List<Earlier> before, Connection next) throws IOException {
    before.removeIf(earlier -> !earlier.mayChangeLate());
    if (before.isEmpty()) {
      return;
    }
    // On a virtual thread, as writers are: where those wait for a processor, so does this.
    Thread looking =
        Thread.startVirtualThread(
            () -> {
              while (!before.isEmpty() && next.isOpen()) {
                sleep(LOOK_MILLIS);
                before.removeIf(earlier -> !earlier.mayChangeLate());
              }
            });
    try {
      looking.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted before the first request");
    }
  }

  void watch(long now) {
    left.removeIf(connection -> !connection.changesLate());
    for (Connection connection : connections) {
      connection.watch(now);
    }
  }

  private static void sleep(long millis) {
    try {
      TimeUnit.MILLISECONDS.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Fails for names that the protocol can't carry. */
  static void checkName(String name) throws StorageException {
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (bytes == 0 || bytes > Handshake.MAX_NAME_BYTES) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "export name of " + bytes + " bytes: must have 1 to " + Handshake.MAX_NAME_BYTES);
    }
  }
}
