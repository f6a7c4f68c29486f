package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.nbd.Outbox.Outgoing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many threads that reply on one connection. Lincheck can't follow the virtual threads that an
 * outbox starts, so this is plain load.
 */
@Timeout(60)
final class OutboxConcurrencyTest {
  private static final int THREADS = 6;
  private static final int REPLIES = 4000;
  private static final long SHORT_REQUEST_BYTES = 8 << 10;
  private static final int HEADER = 12;

  private final RequestMemory memory = new RequestMemory();

  @TempDir Path directory;

  private final AtomicInteger sent = new AtomicInteger();
  private final AtomicInteger dropped = new AtomicInteger();
  private final AtomicLong held = new AtomicLong();
  private final AtomicLong mostHeld = new AtomicLong();

  private class Reply implements Outgoing {
    private final ByteBuffer bytes;
    private final long reserved;

    Reply(ByteBuffer bytes, long reserved) {
      this.bytes = bytes;
      this.reserved = reserved;
    }

    @Override
    public ByteBuffer unsent() {
      return bytes;
    }

    @Override
    public long reserved() {
      return reserved;
    }

    @Override
    public void sent() {
      held.addAndGet(-reserved);
      sent.incrementAndGet();
    }

    @Override
    public void dropped() {
      held.addAndGet(-reserved);
      dropped.incrementAndGet();
    }
  }

  private static PolledChannel polled(SocketChannel channel) {
    return new PolledChannel(channel, PolledChannel.pollers());
  }

  private static ByteBuffer frame(int thread, int number, int length) {
    ByteBuffer frame = ByteBuffer.allocate(HEADER + length);
    frame.putInt(thread).putInt(number).putInt(length);
    while (frame.hasRemaining()) {
      frame.put((byte) (thread + number));
    }
    return frame.flip();
  }

  private void reply(Outbox outbox, int thread, int number, Random random) throws IOException {
    ByteBuffer frame = frame(thread, number, random.nextInt(3000));
    if (random.nextInt(3) == 0 && outbox.tryBegin()) {
      outbox.write(frame);
      outbox.end();
      sent.incrementAndGet();
      return;
    }
    long reserved = random.nextInt(4) == 0 ? 3 << 20 : SHORT_REQUEST_BYTES;
    outbox.reserve(reserved);
    long now = held.addAndGet(reserved);
    mostHeld.accumulateAndGet(now, Math::max);
    if (random.nextBoolean()) {
      outbox.send(new Reply(frame, reserved));
    } else {
      outbox.sendElsewhere(new Reply(frame, reserved));
    }
  }

  private static int receive(SocketChannel client) throws IOException {
    List<BitSet> seen = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      seen.add(new BitSet());
    }
    int count = 0;
    ByteBuffer header = ByteBuffer.allocate(HEADER);
    while (fill(client, header.clear())) {
      header.flip();
      int thread = header.getInt();
      int number = header.getInt();
      ByteBuffer body = ByteBuffer.allocate(header.getInt());
      fill(client, body);
      for (byte b : body.array()) {
        assertThat(b).isEqualTo((byte) (thread + number));
      }
      assertThat(seen.get(thread).get(number)).as("sent twice").isFalse();
      seen.get(thread).set(number);
      count++;
    }
    return count;
  }

  private static boolean fill(SocketChannel from, ByteBuffer into) throws IOException {
    while (into.hasRemaining()) {
      if (from.read(into) < 0) {
        return false;
      }
    }
    return true;
  }

  @Test
  void everyReplyGoesOutWholeAndOnce_andTheBudgetIsKeptToAndFreeAtTheEnd() throws Exception {
    try (ExecutorService threads = Executors.newCachedThreadPool();
        SocketPair sockets = SocketPair.open(directory)) {
      SocketChannel channel = sockets.server();
      AtomicInteger failures = new AtomicInteger();
      Outbox outbox = new Outbox(polled(channel), memory, failures::incrementAndGet);
      Future<Integer> received = threads.submit(() -> receive(sockets.client()));
      List<Future<?>> senders = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int thread = t;
        senders.add(threads.submit(() -> sendAll(outbox, thread)));
      }
      for (Future<?> sender : senders) {
        sender.get();
      }
      outbox.awaitIdle();
      assertThat(outbox.isIdle()).isTrue();
      channel.shutdownOutput();
      assertThat(received.get()).isEqualTo(THREADS * REPLIES);
      assertThat(sent.get()).isEqualTo(THREADS * REPLIES);
      assertThat(dropped.get() + failures.get()).isZero();
      assertThat(held.get()).isZero();
      assertThat(mostHeld.get()).isLessThanOrEqualTo(RequestMemory.TOTAL_BYTES / 8);
      assertThat(memory.usedBytes()).isZero();
    }
  }

  private Void sendAll(Outbox outbox, int thread) throws IOException {
    Random random = new Random(thread);
    for (int number = 0; number < REPLIES; number++) {
      reply(outbox, thread, number, random);
    }
    return null;
  }

  @Test
  void aConnectionThatCloses_dropsWhatIsQueued_andLetsNobodyWait() throws Exception {
    try (ExecutorService threads = Executors.newCachedThreadPool();
        SocketPair sockets = SocketPair.open(directory)) {
      SocketChannel channel = sockets.server();
      Outbox outbox = new Outbox(polled(channel), memory, () -> {});
      List<Future<?>> senders = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int thread = t;
        senders.add(threads.submit(() -> sendAll(outbox, thread)));
      }
      // Nobody reads, so they all come to wait for the client or for room.
      ByteBuffer some = ByteBuffer.allocate(1000);
      fill(sockets.client(), some);
      outbox.close();
      channel.shutdownOutput();
      int ended = 0;
      for (Future<?> sender : senders) {
        try {
          sender.get();
        } catch (ExecutionException e) {
          assertThat(e).hasCauseInstanceOf(IOException.class);
          ended++;
        }
      }
      assertThat(ended).isPositive();
      outbox.awaitIdle();
    }
  }

  private void endsTheConnection(Reply reply) throws IOException {
    try (SocketPair sockets = SocketPair.open(directory)) {
      AtomicInteger failures = new AtomicInteger();
      Outbox outbox = new Outbox(polled(sockets.server()), memory, failures::incrementAndGet);
      outbox.reserve(SHORT_REQUEST_BYTES);
      outbox.send(reply);
      assertThat(failures).hasValue(1);
      assertThat(outbox.isIdle()).isTrue();
    }
  }

  @Test
  void aReplyThatMemoryIsMissingFor_endsTheConnection_andNobodyWaits() throws Exception {
    endsTheConnection(
        new Reply(ByteBuffer.allocate(1), SHORT_REQUEST_BYTES) {
          @Override
          public ByteBuffer next() {
            throw new OutOfMemoryError("made up");
          }
        });
    assertThat(dropped).hasValue(1);
  }

  @Test
  void aReplyThatIsSent_butMemoryIsMissingToSaySo_endsTheConnection_andNobodyWaits()
      throws Exception {
    endsTheConnection(
        new Reply(ByteBuffer.allocate(1), SHORT_REQUEST_BYTES) {
          @Override
          public void sent() {
            throw new OutOfMemoryError("made up");
          }
        });
    assertThat(memory.usedBytes()).isZero();
  }
}
