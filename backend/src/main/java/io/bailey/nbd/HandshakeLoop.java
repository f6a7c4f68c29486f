package io.bailey.nbd;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * One thread that talks to all clients in their handshake, so that one that says nothing, or half
 * of something, costs its socket and a small buffer. A client that has chosen its export gets a
 * thread of its own. The public calls are thread-safe.
 */
final class HandshakeLoop implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(HandshakeLoop.class.getName());

  private final Selector selector;
  private final Queue<Connection> arrived = new ConcurrentLinkedQueue<>();
  private final List<Connection> ready = new ArrayList<>();
  private volatile boolean closed;

  HandshakeLoop() {
    try {
      selector = Selector.open();
    } catch (IOException e) {
      throw new UncheckedIOException("no selector for the NBD server's handshakes", e);
    }
    Thread.ofPlatform().name("nbd-handshake").daemon().start(this::run);
  }

  void admit(Connection connection) {
    arrived.add(connection);
    selector.wakeup();
  }

  /** A client's channel was closed: its socket goes when the selector has let go of it. */
  void forget() {
    selector.wakeup();
  }

  @Override
  public void close() {
    closed = true;
    selector.wakeup();
  }

  private void run() {
    try (selector) {
      while (!closed) {
        selector.select(key -> goOn((Connection) key.attachment(), key));
        for (Connection next = arrived.poll(); next != null; next = arrived.poll()) {
          begin(next);
        }
        // Their keys are cancelled, which a blocking channel must have.
        ready.forEach(Connection::startServing);
        ready.clear();
      }
    } catch (IOException | RuntimeException | Error e) {
      LOG.log(Level.ERROR, "no more NBD clients are taken: restart the daemon", e);
    }
  }

  private void begin(Connection connection) {
    try {
      goOn(connection, connection.register(selector));
    } catch (ClosedChannelException e) {
      LOG.log(Level.TRACE, "gone already", e);
    } catch (IOException e) {
      connection.close();
    } catch (RuntimeException | Error e) {
      giveUp(connection, e);
    }
  }

  /** Ends one handshake, as for want of memory; the others go on. */
  private static void giveUp(Connection connection, Throwable e) {
    connection.close();
    LOG.log(Level.ERROR, "a handshake ended", e);
  }

  private void goOn(Connection connection, SelectionKey key) {
    try {
      switch (connection.negotiate()) {
        case READ -> key.interestOps(SelectionKey.OP_READ);
        case WRITE -> key.interestOps(SelectionKey.OP_WRITE);
        case SERVE -> {
          key.cancel();
          ready.add(connection);
        }
        case CLOSE -> connection.close();
      }
    } catch (CancelledKeyException e) {
      LOG.log(Level.TRACE, "closed meanwhile", e);
    } catch (RuntimeException | Error e) {
      giveUp(connection, e);
    }
  }
}
