package io.bailey.nbd;

import io.bailey.nbd.Handshake.Disk;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A client from its connect to its end: handshake, then a session. */
final class Connection {
  /** The time a client has from its connect to its GO. */
  static final int HANDSHAKE_SECONDS = 10;

  /** A reading thread held this long by a client that takes no replies gets a successor. */
  private static final long HELD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /** What a client that says little costs, and what the longest option does. */
  private static final int FIRST_BUFFER_BYTES = 1 << 10;

  private static final int LAST_BUFFER_BYTES = Handshake.MAX_OPTION_BYTES + 1024;
  private static final System.Logger LOG = System.getLogger(Connection.class.getName());

  private final NbdExport export;
  private final SocketChannel channel;
  private final PolledChannel polled;
  private final Outbox outbox;
  private final long deadline;
  private final Handshake handshake;
  private ByteBuffer in = ByteBuffer.allocate(FIRST_BUFFER_BYTES);
  private ByteBuffer out = ByteBuffer.allocate(0);
  private Handshake.Next next = Handshake.Next.MORE;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile @Nullable Session session;

  /** What a handshake is waiting for, or its end. */
  enum Wants {
    READ,
    WRITE,
    SERVE,
    CLOSE
  }

  /**
   * @param handshakeNanos the time the client has until its GO
   */
  Connection(NbdExport export, SocketChannel channel, long handshakeNanos) {
    this.export = export;
    this.channel = channel;
    this.polled = new PolledChannel(channel, export.pollers());
    this.outbox = new Outbox(polled, export.memory(), this::close);
    this.deadline = System.nanoTime() + handshakeNanos;
    this.handshake =
        new Handshake(
            export.name(),
            export.description(),
            () -> new Disk(export.device().size(), export.device().readOnly()),
            () -> export.admits(this));
  }

  /** Whether the client has got through the handshake. */
  boolean isServed() {
    return session != null;
  }

  /** Whether nothing is left of what the client asked before the export was stopped. */
  boolean isIdle() {
    Session now = session;
    return now == null || now.isIdle();
  }

  boolean isOpen() {
    return !closed.get();
  }

  /** Whether requests of the client, which is closed, can still change the disk. */
  boolean changesLate() {
    Session now = session;
    return now != null && (polled.isOpen() || now.isChanging());
  }

  /**
   * Has the client, which is served, count as gone for another that comes now, until it is seen.
   */
  Earlier earlier() {
    return new Earlier(this, polled.ask());
  }

  /** A client that had been served when another came to be. */
  record Earlier(Connection connection, PolledChannel.Question question) {
    /** Whether it may have gone before the other came, and requests of it still change the disk. */
    boolean mayChangeLate() {
      return connection.isOpen() ? !question.isAnswered() : connection.changesLate();
    }
  }

  SelectionKey register(Selector selector) throws IOException {
    channel.configureBlocking(false);
    return channel.register(selector, SelectionKey.OP_READ, this);
  }

  /** Goes on with the handshake as far as that needs no waiting. */
  Wants negotiate() {
    try {
      return exchange();
    } catch (IOException e) {
      return Wants.CLOSE;
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, () -> "export " + export.name() + ": handshake ended", e);
      return Wants.CLOSE;
    }
  }

  private Wants exchange() throws IOException {
    while (true) {
      if (!out.hasRemaining()) {
        out = ByteBuffer.wrap(handshake.output());
      }
      channel.write(out);
      if (out.hasRemaining()) {
        return Wants.WRITE;
      }
      if (next != Handshake.Next.MORE) {
        return next == Handshake.Next.SERVE ? Wants.SERVE : Wants.CLOSE;
      }
      int count = channel.read(in);
      if (count <= 0) {
        return count == 0 ? Wants.READ : Wants.CLOSE;
      }
      next = handshake.take(in.flip());
      if (next == Handshake.Next.MORE && !in.compact().hasRemaining()) {
        // An option is longer; those beyond the limit have been cut off.
        int more = Math.min(2 * in.capacity(), LAST_BUFFER_BYTES);
        in = ByteBuffer.allocate(more).put(in.flip());
      }
    }
  }

  /**
   * Serves the client from now on, on a thread of its own. For the thread of the handshakes only:
   * so clients are in an order, in which each waits for what those before it left.
   */
  void startServing() {
    try {
      channel.configureBlocking(true);
      Session opened =
          export.open(polled, outbox, in, handshake.structured(), handshake.allocation());
      in = ByteBuffer.allocate(0);
      List<Earlier> before = export.earlier();
      session = opened;
      export.startReader(() -> serve(opened, before));
    } catch (IOException e) {
      close();
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, () -> "export " + export.name() + ": connection ended", e);
      close();
    }
  }

  private void serve(Session opened, List<Earlier> before) {
    try {
      export.awaitChanges(before, this);
      if (opened.run()) {
        close();
      }
    } catch (ProtocolException e) {
      export.warn("a client was cut off: " + e.getMessage());
      close();
    } catch (IOException e) {
      close();
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, () -> "export " + export.name() + ": connection ended", e);
      close();
    }
  }

  /** Ends a handshake that takes too long, and frees the reading of a client that doesn't read. */
  void watch(long now) {
    Session served = session;
    try {
      if (served == null) {
        if (now - deadline > 0) {
          close();
        }
      } else if (served.takeOver(now - HELD_NANOS)) {
        export.startReader(() -> serve(served, new ArrayList<>()));
      }
    } catch (RuntimeException | Error e) {
      // As for want of memory or threads. The other connections are watched all the same.
      close();
      LOG.log(Level.ERROR, () -> "export " + export.name() + ": connection ended", e);
    }
  }

  void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    try {
      channel.close();
    } catch (ClosedChannelException e) {
      LOG.log(Level.TRACE, "closed already", e);
    } catch (IOException e) {
      LOG.log(Level.WARNING, "export {0}: closing a connection: {1}", export.name(), e);
    }
    outbox.close();
    export.closed(this);
    if (session == null) {
      export.handshakes().forget();
    }
  }
}
