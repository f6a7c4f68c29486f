package io.bailey.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
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
 *
 * <p>Any thread may {@link #ask} whether the client is there, which only reading and writing tell:
 * a socket that is empty and not at its end is that of a client, and so is one that takes bytes.
 */
final class PolledChannel {
  /** What QEMU polls at most, and about twice what it takes to wake a thread. */
  static final long POLL_NANOS = TimeUnit.MICROSECONDS.toNanos(32);

  private static final long NOT_NOW = 0;

  private final SocketChannel channel;
  private final Semaphore pollers;
  private final ReentrantLock mode = new ReentrantLock();

  /** Changed under {@link #mode}. */
  private volatile boolean blocking = true;

  /** When the writer began; changed under {@link #mode}. */
  private volatile long writingSince = NOT_NOW;

  private volatile long readingSince = NOT_NOW;

  /** How often somebody has asked whether the client is there. */
  private final AtomicInteger asked = new AtomicInteger();

  /** The last of these questions after which the reader found the socket empty. */
  private volatile int empty;

  /** The last of them after which the socket took bytes. */
  private volatile int took;

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

  /** Asks whether the client is there, from now on. */
  Question ask() {
    return new Question();
  }

  /** Whether a client is there after some moment. For one thread. */
  final class Question {
    /** Who is in the same call at so many looks isn't just late to wake up, or to fail. */
    static final int SETTLED_LOOKS = 100;

    private final int number = asked.incrementAndGet();
    private long reading;
    private long writing;
    private int looks;

    /**
     * Looks whether the client was there; to be called about once a millisecond. It was, as good as
     * certainly, where the reader or the writer waits for it all the time. Looks are counted, and
     * not time, in which all threads of the process may have stood still.
     */
    boolean isAnswered() {
      long nowReading = readingSince;
      long nowWriting = writingSince;
      boolean waits =
          (reading != NOT_NOW && reading == nowReading)
              || (writing != NOT_NOW && writing == nowWriting);
      looks = waits ? looks + 1 : 0;
      reading = nowReading;
      writing = nowWriting;
      return empty - number >= 0 || took - number >= 0 || looks >= SETTLED_LOOKS;
    }
  }

  /**
   * Waits for input.
   *
   * @param into with room for at least a byte
   * @return how much was read, at least 1, or -1 at the end of the input
   */
  int read(ByteBuffer into) throws IOException {
    long begin = System.nanoTime();
    readingSince = begin | 1;
    int count;
    try {
      count = read(into, begin);
    } finally {
      readingSince = NOT_NOW;
    }
    brief = System.nanoTime() - begin < POLL_NANOS;
    return count;
  }

  private int read(ByteBuffer into, long begin) throws IOException {
    int question = asked.get();
    boolean looks = question != empty && question != took;
    boolean polls = (brief || looks) && stopBlocking();
    int count = channel.read(into);
    if (looks && count == 0) {
      empty = question;
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
    return count;
  }

  /** Sends all of it. */
  void write(ByteBuffer bytes) throws IOException {
    setWritingSince(System.nanoTime() | 1);
    try {
      while (bytes.hasRemaining()) {
        int question = asked.get();
        sent(question, channel.write(bytes));
      }
    } finally {
      setWritingSince(NOT_NOW);
    }
  }

  /** Sends all of them, in their order. */
  void write(ByteBuffer[] buffers) throws IOException {
    setWritingSince(System.nanoTime() | 1);
    try {
      while (buffers[buffers.length - 1].hasRemaining()) {
        int question = asked.get();
        sent(question, channel.write(buffers));
      }
    } finally {
      setWritingSince(NOT_NOW);
    }
  }

  private void sent(int question, long count) throws IOException {
    if (count == 0) {
      block();
    } else if (question != took) {
      took = question;
    }
  }

  private void setWritingSince(long nanos) {
    mode.lock();
    try {
      writingSince = nanos;
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
      if (writingSince != NOT_NOW) {
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
