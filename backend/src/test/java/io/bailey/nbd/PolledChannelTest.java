package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PolledChannelTest {
  private static final int TOTAL_BYTES = 4 << 20;

  /** More than the socket takes of a client that doesn't read. */
  private static final int TOO_MANY_BYTES = 4 << 20;

  @TempDir Path directory;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private SocketPair sockets;
  private SocketChannel client;
  private SocketChannel server;

  @BeforeEach
  void connect() throws IOException {
    sockets = SocketPair.open(directory);
    client = sockets.client();
    server = sockets.server();
  }

  @AfterEach
  void close() throws IOException {
    sockets.close();
    threads.shutdownNow();
  }

  /** Both ways at once, with waits that are shorter and longer than a poll. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void bytesOfBothDirectionsComeWholeAndInOrder(int permits) throws Exception {
    Semaphore pollers = new Semaphore(permits);
    PolledChannel channel = new PolledChannel(server, pollers);
    Future<?> sent = threads.submit(() -> send(1));
    Future<?> taken = threads.submit(() -> take(client::read, 2));
    Future<?> read = threads.submit(() -> take(channel::read, 1));
    Random random = new Random(4);
    ByteBuffer bytes = stream(2);
    while (bytes.hasRemaining()) {
      ByteBuffer piece = piece(bytes, random);
      int middle = piece.remaining() / 2;
      channel.write(
          new ByteBuffer[] {
            piece.slice(0, middle), piece.slice(middle, piece.remaining() - middle)
          });
      pause(random);
    }
    sent.get();
    taken.get();
    read.get();
    assertThat(pollers.availablePermits()).isEqualTo(permits);
  }

  @Test
  void aClientThatTakesNothing_isStillHeard() throws Exception {
    PolledChannel channel = new PolledChannel(server, new Semaphore(1));
    ByteBuffer one = ByteBuffer.allocate(1);
    poll(channel);
    Future<?> write = threads.submit(() -> writeTooMuch(channel));
    Future<?> read = threads.submit(() -> channel.read(ByteBuffer.allocate(1)));
    Thread.sleep(100);
    assertThat(write).isNotDone();
    client.write(one.clear());
    read.get();
    // Waits that are short, after which the reader would poll, if nobody were writing.
    for (int i = 0; i < 1000; i++) {
      client.write(one.clear());
      channel.read(one.clear());
    }
    assertThat(write).isNotDone();
    take(client, TOO_MANY_BYTES);
    write.get();
  }

  @Test
  void aReaderThatAWriterPutsToSleep_keepsNobodyFromPolling() throws Exception {
    Semaphore pollers = new Semaphore(1);
    AtomicReference<PolledChannel> polled = new AtomicReference<>();
    int last = 2000;
    SocketChannel silent =
        new MemoryChannel(new byte[0], 1) {
          private int reads;

          @Override
          public int read(ByteBuffer into) {
            if (++reads % 2 == 1) {
              return 0;
            }
            if (reads == last) {
              Future<?> write = threads.submit(() -> writeTooMuch(polled.get()));
              await().until(() -> write.isDone() && pollers.availablePermits() == 1);
            }
            into.put((byte) 0);
            return 1;
          }

          @Override
          public int write(ByteBuffer bytes) {
            return isBlocking() ? super.write(bytes) : 0;
          }
        };
    polled.set(new PolledChannel(silent, pollers));
    for (int i = 0; i < last; i += 2) {
      assertThat(polled.get().read(ByteBuffer.allocate(1))).isOne();
    }
    assertThat(pollers.availablePermits()).isOne();
  }

  @Test
  void theEndOfTheInput_isToldWhilePollingToo() throws Exception {
    PolledChannel channel = new PolledChannel(server, new Semaphore(1));
    poll(channel);
    client.close();
    assertThat(channel.read(ByteBuffer.allocate(1))).isEqualTo(-1);
  }

  @Test
  void aChannelThatIsClosed_endsReadingAndWriting() throws Exception {
    PolledChannel channel = new PolledChannel(server, new Semaphore(1));
    poll(channel);
    Future<?> write = threads.submit(() -> writeTooMuch(channel));
    Future<?> read = threads.submit(() -> channel.read(ByteBuffer.allocate(1)));
    Thread.sleep(50);
    server.close();
    for (Future<?> waiting : new Future<?>[] {write, read}) {
      assertThatThrownBy(waiting::get)
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(ClosedChannelException.class);
    }
  }

  @Test
  void aClientWhoseSocketIsFoundEmpty_isThere() throws Exception {
    AtomicReference<PolledChannel.Question> question = new AtomicReference<>();
    SocketChannel first =
        new MemoryChannel(new byte[0], 1) {
          private boolean looked;

          @Override
          public int read(ByteBuffer into) {
            assertThat(question.get().isAnswered()).isEqualTo(looked);
            into.put(new byte[looked ? 1 : 0]);
            looked = true;
            return into.position();
          }
        };
    PolledChannel channel = new PolledChannel(first, new Semaphore(1));
    question.set(channel.ask());
    assertThat(channel.read(ByteBuffer.allocate(1))).isOne();
    assertThat(question.get().isAnswered()).isTrue();
    assertThat(channel.ask().isAnswered()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aClientThatTakesReplies_isThere(boolean gathered) throws Exception {
    PolledChannel channel = new PolledChannel(server, new Semaphore(1));
    ByteBuffer one = ByteBuffer.allocate(1);
    PolledChannel.Question question = channel.ask();
    assertThat(question.isAnswered()).isFalse();
    if (gathered) {
      channel.write(new ByteBuffer[] {one});
    } else {
      channel.write(one);
    }
    assertThat(question.isAnswered()).isTrue();
    PolledChannel.Question next = channel.ask();
    client.close();
    assertThatThrownBy(() -> channel.write(one.clear())).isInstanceOf(IOException.class);
    assertThat(next.isAnswered()).isFalse();
  }

  @Test
  void aClientThatSentItsEnd_isNotThere() throws Exception {
    PolledChannel channel = new PolledChannel(server, new Semaphore(1));
    client.write(ByteBuffer.allocate(1));
    client.close();
    PolledChannel.Question question = channel.ask();
    assertThat(channel.read(ByteBuffer.allocate(1))).isOne();
    assertThat(channel.read(ByteBuffer.allocate(1))).isEqualTo(-1);
    assertThat(question.isAnswered()).isFalse();
  }

  @Test
  void aClientThatIsWaitedFor_isThereSomeLooksLater() throws Exception {
    PolledChannel channel = new PolledChannel(server, new Semaphore(1));
    Future<?> read = threads.submit(() -> channel.read(ByteBuffer.allocate(1)));
    assertSettles(channel);
    client.write(ByteBuffer.allocate(1));
    read.get();
    Future<?> write = threads.submit(() -> writeTooMuch(channel));
    assertSettles(channel);
    take(client, TOO_MANY_BYTES);
    write.get();
    PolledChannel.Question question = channel.ask();
    for (int i = 0; i <= PolledChannel.Question.SETTLED_LOOKS; i++) {
      assertThat(question.isAnswered()).isFalse();
    }
  }

  /** Asks until it comes late enough for all the looks. */
  private static void assertSettles(PolledChannel channel) {
    await()
        .untilAsserted(
            () -> {
              PolledChannel.Question question = channel.ask();
              for (int i = 0; i < PolledChannel.Question.SETTLED_LOOKS; i++) {
                assertThat(question.isAnswered()).isFalse();
              }
              assertThat(question.isAnswered()).isTrue();
            });
  }

  /** Has the channel's next read poll. */
  private void poll(PolledChannel channel) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    while (server.isBlocking()) {
      client.write(one.clear());
      channel.read(one.clear());
    }
  }

  private static Void writeTooMuch(PolledChannel channel) throws IOException {
    channel.write(ByteBuffer.allocate(TOO_MANY_BYTES));
    return null;
  }

  private Void send(int seed) throws IOException {
    Random random = new Random(seed);
    ByteBuffer bytes = stream(seed);
    while (bytes.hasRemaining()) {
      ByteBuffer piece = piece(bytes, random);
      while (piece.hasRemaining()) {
        client.write(piece);
      }
      pause(random);
    }
    return null;
  }

  private interface Source {
    int read(ByteBuffer into) throws IOException;
  }

  private static Void take(Source source, int seed) throws IOException {
    ByteBuffer into = ByteBuffer.allocate(TOTAL_BYTES);
    while (into.hasRemaining()) {
      assertThat(source.read(into)).isPositive();
    }
    assertThat(into.flip()).isEqualTo(stream(seed));
    return null;
  }

  private static void take(SocketChannel source, int count) throws IOException {
    ByteBuffer into = ByteBuffer.allocate(count);
    while (into.hasRemaining()) {
      source.read(into);
    }
  }

  private static ByteBuffer stream(int seed) {
    byte[] bytes = new byte[TOTAL_BYTES];
    new Random(seed).nextBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }

  private static ByteBuffer piece(ByteBuffer bytes, Random random) {
    int length = Math.min(bytes.remaining(), 1 + random.nextInt(1 << random.nextInt(1, 18)));
    ByteBuffer piece = bytes.slice(bytes.position(), length);
    bytes.position(bytes.position() + length);
    return piece;
  }

  private static void pause(Random random) {
    if (random.nextInt(4) == 0) {
      LockSupport.parkNanos(random.nextLong(TimeUnit.MICROSECONDS.toNanos(100)));
    }
  }
}
