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
 * <p>Any thread may {@link #ask} whether the client is there. A reader that is busy answers when it
 * reads on, for only the end of the input tells that a client is gone.
 */
final class PolledChannel {
  /** What QEMU polls at most, and about twice what it takes to wake a thread. */
  static final long POLL_NANOS = TimeUnit.MICROSECONDS.toNanos(32);

  /** Who has been in a call for so long hasn't just been late to wake up, or to fail. */
  private static final long SETTLED_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** More than waits in a socket for its reader. */
  static final long BEYOND_SOCKET_BYTES = 4 << 20;

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

  /** The last of these for which the reader has found that it is. */
  private volatile int answered;

  /** The last of them that the reader has seen. */
  private int heard;

  private long receivedSinceHeard;

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
    return new Question(asked.incrementAndGet(), System.nanoTime());
  }

  /** To be asked of the channel that it came from. */
  record Question(int number, long nanos) {}

  /**
   * Whether the client is known to have been there after a question. It was where its socket was
   * empty and not at its end, or brought more than one holds. It was, as good as certainly, where
   * the reader or the writer has been waiting for it for {@link #SETTLED_NANOS} since.
   */
  boolean wasThere(Question question) {
    return answered - question.number >= 0
        || waits(readingSince, question)
        || waits(writingSince, question);
  }

  private static boolean waits(long since, Question question) {
    long begin = since - question.nanos > 0 ? since : question.nanos;
    return since != NOT_NOW && System.nanoTime() - begin > SETTLED_NANOS;
  }

  /**
   * Waits for input.
   *
   * @param into with room for at least a byte
   * @return how much was read, at least 1, or -1 at the end of the input
   */
  int read(ByteBuffer into) throws IOException {
    int question = asked.get();
    long begin = System.nanoTime();
    readingSince = begin | 1;
    int count;
    try {
      count = read(into, question, begin);
    } finally {
      readingSince = NOT_NOW;
    }
    if (question != answered) {
      count(question, count);
    }
    brief = System.nanoTime() - begin < POLL_NANOS;
    return count;
  }

  private int read(ByteBuffer into, int question, long begin) throws IOException {
    boolean looks = question != answered;
    boolean polls = (brief || looks) && stopBlocking();
    int count = channel.read(into);
    if (looks && count == 0) {
      answered = question;
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

  private void count(int question, int received) {
    if (heard != question) {
      heard = question;
      receivedSinceHeard = 0;
    }
    receivedSinceHeard += received;
    if (receivedSinceHeard > BEYOND_SOCKET_BYTES) {
      answered = question;
    }
  }

  /** Sends all of it. */
  void write(ByteBuffer bytes) throws IOException {
    setWritingSince(System.nanoTime() | 1);
    try {
      while (bytes.hasRemaining()) {
        if (channel.write(bytes) == 0) {
          block();
        }
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
        if (channel.write(buffers) == 0) {
          block();
        }
      }
    } finally {
      setWritingSince(NOT_NOW);
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
