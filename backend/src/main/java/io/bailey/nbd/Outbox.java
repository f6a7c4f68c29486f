package io.bailey.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The sending side of a connection, and the account of what its requests hold in memory.
 *
 * <p>At any time at most one thread writes to the socket. A thread that has a reply and finds
 * nobody writing becomes the writer, and sends also what others add meanwhile; one that finds a
 * writer leaves its reply to it. So no lock is held over a write, and no thread waits for a slow
 * client but the one that writes.
 */
final class Outbox {
  private static final System.Logger LOG = System.getLogger(Outbox.class.getName());

  /** How many requests of a connection may wait, or have a reply that wasn't taken. */
  static final int MAX_REQUESTS = 128;

  private static final int GATHERED_REPLIES = 16;

  /** The JDK keeps a copy of what a thread writes at one time, as long as the thread lives. */
  private static final int GATHERED_BYTES = 256 << 10;

  /** A reply, or several in one buffer. */
  interface Outgoing {
    /** What is left to send. */
    ByteBuffer unsent();

    /**
     * The bytes of the budget that are free again when this was sent, or never will be; 0 for what
     * isn't counted.
     */
    long reserved();

    /** Whether {@link #next} has more that must follow at once. */
    default boolean continues() {
      return false;
    }

    /** Gets more to send, on the writer's thread, when all before it was sent; null at the end. */
    default @Nullable ByteBuffer next() throws IOException {
      return null;
    }

    /** Called once, when the last byte was handed to the socket. */
    void sent();

    /** Called once instead of {@link #sent} where the connection closed before. */
    void dropped();
  }

  private final PolledChannel channel;
  private final RequestMemory memory;
  private final Runnable onFailure;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();
  private final ArrayDeque<Outgoing> queue = new ArrayDeque<>();
  private long reservedBytes;
  private int reservations;
  private boolean writing;
  private boolean closed;

  /**
   * @param onFailure closes the connection; called where a write of queued replies fails
   */
  Outbox(PolledChannel channel, RequestMemory memory, Runnable onFailure) {
    this.channel = channel;
    this.memory = memory;
    this.onFailure = onFailure;
  }

  /** Whether no request waits and no reply is unsent. */
  boolean isIdle() {
    lock.lock();
    try {
      return reservations == 0 && !writing && queue.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Counts a request as waiting if there is room. */
  boolean tryReserve(long bytes) {
    lock.lock();
    try {
      if (reservations == MAX_REQUESTS || !memory.tryTake(reservedBytes, bytes)) {
        return false;
      }
      reservations++;
      reservedBytes += bytes;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until there is room, or the request would be the only one. */
  void reserve(long bytes) throws ClosedChannelException {
    lock.lock();
    try {
      while (!closed && !tryReserve(bytes)) {
        if (reservations == 0) {
          memory.take(bytes);
          reservations = 1;
          reservedBytes = bytes;
          return;
        }
        room.awaitUninterruptibly();
      }
      if (closed) {
        throw new ClosedChannelException();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Gives back what a request held that will not be sent through here. */
  void release(long bytes) {
    lock.lock();
    try {
      free(bytes);
    } finally {
      lock.unlock();
    }
  }

  /** Waits until every request was answered, or the connection is closed. */
  void awaitIdle() {
    lock.lock();
    try {
      while (!closed && !isIdle()) {
        room.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Makes the calling thread the writer if nobody is and nothing is queued. */
  boolean tryBegin() {
    lock.lock();
    try {
      if (writing || closed || !queue.isEmpty()) {
        return false;
      }
      writing = true;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Sends all of it; for the writer only. */
  void write(ByteBuffer bytes) throws IOException {
    channel.write(bytes);
  }

  /** Ends what {@link #tryBegin} began. Replies that were queued meanwhile get another thread. */
  void end() {
    lock.lock();
    try {
      if (queue.isEmpty() || closed) {
        writing = false;
        room.signalAll();
        return;
      }
    } finally {
      lock.unlock();
    }
    drainElsewhere();
  }

  /** Sends a reply, now or when the present writer comes to it; may block for the client. */
  void send(Outgoing reply) {
    if (queue(reply)) {
      drain();
    }
  }

  /** Like {@link #send}, on another thread. */
  void sendElsewhere(Outgoing reply) {
    if (queue(reply)) {
      drainElsewhere();
    }
  }

  /** Ends the connection for a request that gets no answer. */
  void fail(long reservedBytes, Throwable e) {
    release(reservedBytes);
    fail(e);
  }

  /**
   * Ends the connection after a failure, as for want of memory. Whoever sends next must not wait
   * for a writer that is gone.
   */
  private void fail(Throwable e) {
    try {
      onFailure.run();
      LOG.log(System.Logger.Level.ERROR, "a connection ended", e);
    } catch (RuntimeException | Error again) {
      e.addSuppressed(again);
    }
  }

  /** Queues a reply; returns whether the caller is the writer now. */
  private boolean queue(Outgoing reply) {
    lock.lock();
    try {
      if (!closed) {
        queue.add(reply);
        if (writing) {
          return false;
        }
        writing = true;
        return true;
      }
      free(reply);
    } finally {
      lock.unlock();
    }
    reply.dropped();
    return false;
  }

  private void drainElsewhere() {
    try {
      Thread.startVirtualThread(this::drain);
    } catch (RuntimeException | Error e) {
      stopWriting();
      fail(e);
    }
  }

  private void drain() {
    try {
      Outgoing[] taken = new Outgoing[GATHERED_REPLIES];
      for (int count = take(taken); count > 0; count = take(taken)) {
        boolean done = tryWriteAll(taken, count);
        for (int i = 0; i < count; i++) {
          settle(taken[i], done);
        }
        free(taken, count);
      }
    } catch (RuntimeException | Error e) {
      stopWriting();
      fail(e);
    }
  }

  private boolean tryWriteAll(Outgoing[] replies, int count) {
    try {
      writeAll(replies, count);
      return true;
    } catch (IOException e) {
      onFailure.run();
    } catch (RuntimeException | Error e) {
      fail(e);
    }
    return false;
  }

  private void settle(Outgoing reply, boolean sent) {
    try {
      if (sent) {
        reply.sent();
      } else {
        reply.dropped();
      }
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  private void stopWriting() {
    lock.lock();
    try {
      writing = false;
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The next replies to write, of which only the last may continue; 0, and the caller is the writer
   * no more, if there are none.
   */
  private int take(Outgoing[] into) {
    lock.lock();
    try {
      int count = 0;
      int bytes = 0;
      while (bytes < GATHERED_BYTES && count < into.length && !queue.isEmpty()) {
        Outgoing next = queue.remove();
        into[count++] = next;
        bytes = next.continues() ? GATHERED_BYTES : bytes + next.unsent().remaining();
      }
      if (count == 0) {
        writing = false;
        room.signalAll();
      }
      return count;
    } finally {
      lock.unlock();
    }
  }

  private void writeAll(Outgoing[] replies, int count) throws IOException {
    ByteBuffer[] buffers = new ByteBuffer[count];
    for (int i = 0; i < count; i++) {
      buffers[i] = replies[i].unsent();
    }
    channel.write(buffers);
    Outgoing last = replies[count - 1];
    for (ByteBuffer more = last.next(); more != null; more = last.next()) {
      write(more);
    }
  }

  private void free(Outgoing[] replies, int count) {
    lock.lock();
    try {
      for (int i = 0; i < count; i++) {
        free(replies[i]);
      }
    } finally {
      lock.unlock();
    }
  }

  private void free(Outgoing reply) {
    if (reply.reserved() > 0) {
      free(reply.reserved());
    }
  }

  private void free(long bytes) {
    reservations--;
    reservedBytes -= bytes;
    memory.give(bytes);
    room.signalAll();
  }

  /** Drops what is queued and lets nobody wait any more. */
  void close() {
    Outgoing[] dropped;
    lock.lock();
    try {
      closed = true;
      dropped = queue.toArray(Outgoing[]::new);
      queue.clear();
      for (Outgoing reply : dropped) {
        free(reply);
      }
      room.signalAll();
    } finally {
      lock.unlock();
    }
    for (Outgoing reply : dropped) {
      reply.dropped();
    }
  }
}
