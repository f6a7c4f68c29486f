package io.bailey.nbd;

import io.bailey.nbd.Handshake.Disk;
import io.bailey.nbd.Handshake.Next;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A client from its connect to its end: handshake, then a session. */
final class Connection implements Runnable {
  /** The time a client has from its connect to its GO. */
  static final int HANDSHAKE_SECONDS = 10;

  /** A reading thread held this long by a client that takes no replies gets a successor. */
  private static final long HELD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private static final int HANDSHAKE_BUFFER_BYTES = Handshake.MAX_OPTION_BYTES + 1024;
  private static final System.Logger LOG = System.getLogger(Connection.class.getName());

  private final NbdExport export;
  private final SocketChannel channel;
  private final Outbox outbox;
  private final long deadline;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile @Nullable Session session;

  /**
   * @param handshakeNanos the time the client has until its GO
   */
  Connection(NbdExport export, SocketChannel channel, long handshakeNanos) {
    this.export = export;
    this.channel = channel;
    this.outbox = new Outbox(channel, this::close);
    this.deadline = System.nanoTime() + handshakeNanos;
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

  @Override
  public void run() {
    try {
      Session opened = handshake();
      if (opened == null) {
        close();
      } else {
        session = opened;
        serve(opened);
      }
    } catch (IOException e) {
      close();
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, () -> "export " + export.name() + ": connection ended", e);
      close();
    }
  }

  private void serve(Session opened) {
    try {
      if (opened.run()) {
        close();
      }
    } catch (ProtocolException e) {
      LOG.log(
          Level.WARNING, "export {0}: a client was cut off: {1}", export.name(), e.getMessage());
      close();
    } catch (IOException e) {
      close();
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, () -> "export " + export.name() + ": connection ended", e);
      close();
    }
  }

  /** Returns null where the client left, or was refused. */
  private @Nullable Session handshake() throws IOException {
    Handshake handshake =
        new Handshake(
            export.name(),
            export.description(),
            () -> new Disk(export.device().size(), export.device().readOnly()));
    ByteBuffer in = ByteBuffer.allocate(HANDSHAKE_BUFFER_BYTES);
    Next next = Next.MORE;
    while (next == Next.MORE) {
      outbox.write(ByteBuffer.wrap(handshake.output()));
      if (channel.read(in) < 0) {
        return null;
      }
      in.flip();
      next = handshake.take(in);
      if (next == Next.MORE) {
        in.compact();
      }
    }
    outbox.write(ByteBuffer.wrap(handshake.output()));
    return next == Next.SERVE
        ? export.open(channel, outbox, in, handshake.structured(), handshake.allocation())
        : null;
  }

  /** Ends a handshake that takes too long, and frees the reading of a client that doesn't read. */
  void watch(long now) {
    Session served = session;
    if (served == null) {
      if (now - deadline > 0) {
        close();
      }
    } else if (served.takeOver(now - HELD_NANOS)) {
      export.startReader(() -> serve(served));
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
  }
}
