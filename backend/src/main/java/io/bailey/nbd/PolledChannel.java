package io.bailey.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A client's socket, whose reader looks for input for a little while before it sleeps.
 *
 * <p>Waking a thread that sleeps costs more than a request does. So a reader whose last wait was
 * short polls first, as QEMU's I/O threads do; one whose poll was in vain sleeps at once until a
 * wait has been short again. At most half of the processors poll at a time.
 *
 * <p>To poll is to read a channel that doesn't block, to sleep is to read one that does. A channel
 * changes from the first to the second when its reader or its writer has to wait, and back only
 * while nobody writes, so that the change never waits for a client. One thread may read and one
 * write.
 */
final class PolledChannel {
  /** What QEMU polls at most, and about twice what it takes to wake a thread. */
  static final long POLL_NANOS = TimeUnit.MICROSECONDS.toNanos(32);

  private final SocketChannel channel;
  private final Semaphore pollers;
  private final ReentrantLock mode = new ReentrantLock();

  /** Changed under {@link #mode}. */
  private volatile boolean blocking = true;

  /** Changed under {@link #mode}. */
  private volatile boolean writing;

  /** Whether the reader waited for something else and hasn't found the socket empty since. */
  private volatile boolean behind;

  /** Whether the reader polls, with a permit to. */
  private final AtomicBoolean permitHeld = new AtomicBoolean();

  /** Whether the reader's last wait was shorter than {@link #POLL_NANOS}. */
  private boolean brief;

  /**
   * @param channel that blocks when the first call comes
   * @param pollers a permit for each thread that may poll
   */
  PolledChannel(SocketChannel channel, Semaphore pollers) {
    this.channel = channel;
    this.pollers = pollers;
  }

  /** The permits for the threads of a process. */
  static Semaphore pollers() {
    return new Semaphore(Math.max(1, Runtime.getRuntime().availableProcessors() / 2));
  }

  boolean isOpen() {
    return channel.isOpen();
  }

  /** The reader comes to wait for something else, and may have to do so before its next read. */
  void fallBehind() {
    behind = true;
  }

  /**
   * Whether the client may be gone without its reader knowing. It isn't gone while a write waits
   * for it, nor when the reader, in its place, finds neither input nor its end.
   */
  boolean isBehind() {
    return behind && !writing;
  }

  /**
   * Waits for input.
   *
   * @param into with room for at least a byte
   * @return how much was read, at least 1, or -1 at the end of the input
   */
  int read(ByteBuffer into) throws IOException {
    boolean wasBehind = behind;
    boolean polls = (brief || wasBehind) && stopBlocking();
    if (wasBehind && !polls) {
      // A write goes on, and fails if the client is gone.
      behind = false;
    }
    long begin = System.nanoTime();
    int count = channel.read(into);
    if (wasBehind && count == 0) {
      behind = false;
    }
    if (count == 0 && polls && pollers.tryAcquire()) {
      permitHeld.set(true);
      try {
        while (count == 0 && !blocking && System.nanoTime() - begin < POLL_NANOS) {
          Thread.onSpinWait();
          count = channel.read(into);
        }
      } finally {
        releasePermit();
      }
    }
    while (count == 0) {
      block();
      count = channel.read(into);
    }
    brief = System.nanoTime() - begin < POLL_NANOS;
    return count;
  }

  /** Sends all of it. */
  void write(ByteBuffer bytes) throws IOException {
    setWriting(true);
    try {
      while (bytes.hasRemaining()) {
        if (channel.write(bytes) == 0) {
          block();
        }
      }
    } finally {
      setWriting(false);
    }
  }

  /** Sends all of them, in their order. */
  void write(ByteBuffer[] buffers) throws IOException {
    setWriting(true);
    try {
      while (buffers[buffers.length - 1].hasRemaining()) {
        if (channel.write(buffers) == 0) {
          block();
        }
      }
    } finally {
      setWriting(false);
    }
  }

  private void setWriting(boolean now) {
    mode.lock();
    try {
      writing = now;
    } finally {
      mode.unlock();
    }
  }

  private void block() throws IOException {
    mode.lock();
    try {
      if (!blocking) {
        // In this order: a reader that polls sees it, or sleeps without its permit.
        blocking = true;
        releasePermit();
        channel.configureBlocking(true);
      }
    } finally {
      mode.unlock();
    }
  }

  private void releasePermit() {
    if (permitHeld.compareAndSet(true, false)) {
      pollers.release();
    }
  }

  /** Returns whether reading doesn't block, unless the writer comes to wait. */
  private boolean stopBlocking() throws IOException {
    if (!blocking) {
      return true;
    }
    mode.lock();
    try {
      if (writing) {
        return false;
      }
      if (blocking) {
        channel.configureBlocking(false);
        blocking = false;
      }
      return true;
    } finally {
      mode.unlock();
    }
  }
}
