package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

/** What holds for every client, whatever program it is. */
@Timeout(60)
class NbdServerTest {
  private static final int MIB = 1 << 20;
  private static final int ESHUTDOWN = 108;

  private ServedDisk served;

  @BeforeEach
  void serve() throws IOException {
    served = new ServedDisk(new MemoryDisk(128L * MIB));
  }

  @AfterEach
  void stop() throws IOException {
    served.close();
  }

  @Test
  void socketIsForItsOwnerAlone() throws IOException {
    assertThat(mode(served.socket())).isEqualTo("rw-------");
    assertThat(mode(served.socket().resolveSibling("."))).isEqualTo("rwx------");
    try (var files = Files.list(served.socket().resolveSibling("."))) {
      assertThat(files).hasSize(1);
    }
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void otherUsersAreRefusedThoughTheFileLetsThemIn() throws IOException {
    for (Path path :
        List.of(served.directory(), served.directory().resolve("d"), served.socket())) {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxrwx"));
    }
    List<String> nobody =
        List.of(
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "nbdinfo", served.uri());
    assertThat(Tool.tryRun(Duration.ofSeconds(20), nobody).exitCode()).isNotZero();
    assertThat(served.disk().touches()).isZero();
    Tool.run("nbdinfo", served.uri());
  }

  @Test
  void socketPathTooLongIsSaidClearly() {
    Path path = served.directory().resolve("x".repeat(100)).resolve("nbd.sock");
    assertThatThrownBy(() -> served.server().serve("a", "", served.disk(), path))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID))
        .hasMessageContaining("107");
    assertThat(path.getParent()).doesNotExist();
  }

  @Test
  void fileInTheSocketsPlaceIsKept() throws IOException {
    Path path = Files.createFile(served.directory().resolve("precious"));
    assertThatThrownBy(() -> served.server().serve("a", "", served.disk(), path))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.EXISTS));
    Files.delete(path);
  }

  @Test
  void socketOfADeadServerIsReplaced() throws IOException {
    served.server().serve("second", "", served.disk(), served.socket());
    try (RawClient client = RawClient.simple(served.socket(), "second")) {
      assertThat(client.answers()).isTrue();
    }
  }

  @Test
  void errorsOfTheDeviceKeepTheirMeaning() throws IOException {
    try (RawClient client = served.structured()) {
      for (boolean cold : new boolean[] {false, true}) {
        if (cold) {
          served.disk().cold();
        }
        for (Kind kind : Kind.values()) {
          served.disk().failWith(kind);
          int error =
              switch (kind) {
                case NO_SPACE -> 28;
                case READ_ONLY -> 1;
                case CLOSED -> ESHUTDOWN;
                default -> 5;
              };
          assertThat(client.ask(Wire.READ, 0, 0, 4096)).isEqualTo(error);
          assertThat(client.ask(Wire.WRITE, 0, 0, 512, new byte[512])).isEqualTo(error);
          assertThat(client.ask(Wire.WRITE, 0, 0, MIB, new byte[MIB])).isEqualTo(error);
          assertThat(client.ask(Wire.TRIM, 0, 0, 4096)).isEqualTo(error);
          assertThat(client.ask(Wire.WRITE_ZEROES, 0, 0, 4096)).isEqualTo(error);
          assertThat(client.ask(Wire.BLOCK_STATUS, 0, 0, 4096)).isEqualTo(error);
          assertThat(client.ask(Wire.FLUSH, 0, 0, 0)).isEqualTo(error);
        }
        served.disk().failWith(null);
        assertThat(client.answers()).isTrue();
      }
      long errors = 14L * Kind.values().length;
      await().until(() -> served.export().stats().snapshot().errors() == errors);
      await().until(() -> served.export().stats().snapshot().queueDepth() == 0);
    }
  }

  @Test
  void fuaFlushesAfterTheChangeOnEveryPath() throws IOException {
    try (RawClient client = served.simple()) {
      assertThat(client.ask(Wire.WRITE, Wire.FLAG_FUA, 0, 512, new byte[512])).isZero();
      assertThat(client.ask(Wire.WRITE, Wire.FLAG_FUA, 0, 300_000, new byte[300_000])).isZero();
      assertThat(client.ask(Wire.TRIM, Wire.FLAG_FUA, 0, 4096)).isZero();
      assertThat(client.ask(Wire.WRITE_ZEROES, Wire.FLAG_FUA | Wire.FLAG_NO_HOLE, 0, 4096))
          .isZero();
    }
    assertThat(served.disk().calls())
        .containsExactly(
            "write 0 512",
            "flush",
            "write 0 262144",
            "write 262144 37856",
            "flush",
            "trim 0 4096",
            "flush",
            "zero 0 4096 allocate",
            "flush");
  }

  @Test
  void cacheIsAPrefetch() throws IOException {
    try (RawClient client = served.simple()) {
      assertThat(client.ask(Wire.CACHE, 0, 8192, 65536)).isZero();
    }
    assertThat(served.disk().calls()).containsExactly("prefetch 8192 65536");
  }

  @Test
  void readsHaveChunksForDataAndHoles() throws IOException {
    byte[] data = TestBytes.random(8192);
    try (RawClient client = served.structured()) {
      assertThat(client.ask(Wire.WRITE, 0, 65536, data.length, data)).isZero();
      client.send(RawClient.request(Wire.READ, 0, 1, 0, 4096));
      assertThat(client.replies())
          .extracting(RawClient.Reply::type)
          .containsExactly(Wire.CHUNK_OFFSET_HOLE);
      client.send(RawClient.request(Wire.READ, Wire.FLAG_DF, 1, 0, 4096));
      assertThat(client.replies())
          .extracting(RawClient.Reply::type)
          .containsExactly(Wire.CHUNK_OFFSET_DATA);
      served.disk().cold();
      client.send(RawClient.request(Wire.READ, 0, 1, 0, WaitingRequest.PIECE_BYTES));
      assertThat(client.replies())
          .extracting(RawClient.Reply::type)
          .containsExactly(Wire.CHUNK_OFFSET_HOLE, Wire.CHUNK_OFFSET_DATA, Wire.CHUNK_OFFSET_HOLE);
      client.send(RawClient.request(Wire.READ, Wire.FLAG_DF, 1, 0, 64 * MIB));
      assertThat(client.replies())
          .extracting(RawClient.Reply::type)
          .containsExactly(Wire.CHUNK_OFFSET_DATA);
      client.send(RawClient.request(Wire.READ, 0, 1, 0, 64 * MIB));
      assertThat(client.replies()).hasSize(67).last().matches(RawClient.Reply::isLast);
    }
  }

  @Test
  void longestReadAndWriteAreAnsweredWhole() throws IOException {
    byte[] data = TestBytes.random(64 * MIB);
    try (RawClient client = served.simple()) {
      assertThat(client.ask(Wire.WRITE, 0, 777, data.length, data)).isZero();
      client.send(RawClient.request(Wire.READ, 0, 1, 777, data.length));
      assertThat(client.reply(data.length).payload()).isEqualTo(data);
      assertThat(client.answers()).isTrue();
    }
  }

  @Test
  void blockStatusMergesAndStopsAtOne() throws IOException {
    try (RawClient client = served.structured()) {
      client.ask(Wire.WRITE, 0, 0, 16384, new byte[16384]);
      client.send(RawClient.request(Wire.BLOCK_STATUS, 0, 1, 0, MIB));
      assertThat(client.replies().getFirst().payload())
          .isEqualTo(RawClient.ints(1, 16384, 0, MIB - 16384, 3));
      client.send(RawClient.request(Wire.BLOCK_STATUS, Wire.FLAG_REQ_ONE, 1, 4096, MIB));
      assertThat(client.replies().getFirst().payload()).isEqualTo(RawClient.ints(1, 12288, 0));
    }
  }

  @Test
  void requestThatWaitsDoesNotHoldUpOthersOfItsConnection() throws IOException {
    try (RawClient client = served.simple()) {
      served.disk().hold();
      client.send(RawClient.request(Wire.FLUSH, 0, 1, 0, 0));
      await().until(() -> served.disk().held() == 1);
      client.send(RawClient.request(Wire.CACHE, 0, 2, 0, 4096));
      assertThat(client.reply(0).cookie()).isEqualTo(2);
      await().until(() -> served.export().stats().snapshot().queueDepth() == 1);
      served.disk().release();
      assertThat(client.reply(0).cookie()).isEqualTo(1);
    }
  }

  @Test
  void stoppingAnswersNothingNewAndEndsWhatIsInFlight() throws Exception {
    RawClient busy = served.simple();
    RawClient idle = served.simple();
    try (busy;
        idle) {
      assertThat(idle.answers()).isTrue();
      served.disk().hold();
      busy.send(RawClient.request(Wire.WRITE, 0, 1, 0, 512), new byte[512]);
      await().until(() -> served.disk().held() == 1);
      AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
      Thread stopper =
          Thread.ofPlatform()
              .uncaughtExceptionHandler((thread, e) -> failure.set(e))
              .start(() -> stopExport(Duration.ofSeconds(30)));
      await().until(served.export()::isStopping);
      busy.send(RawClient.request(Wire.READ, 0, 2, 0, 512));
      idle.send(RawClient.request(Wire.WRITE, 0, 1, 0, 512), new byte[512]);
      assertThatThrownBy(() -> idle.receive(1)).isInstanceOf(IOException.class);
      served.disk().release();
      RawClient.Reply last = busy.reply(0);
      assertThat(last.cookie()).isEqualTo(1);
      assertThat(last.error()).isZero();
      stopper.join();
      assertThat(failure.get()).isNull();
      assertThatThrownBy(() -> busy.receive(1)).isInstanceOf(IOException.class);
    }
    assertThat(served.disk().calls()).containsExactly("flush", "write 0 512", "flush");
    assertThat(served.socket()).doesNotExist();
    assertThat(served.export().connections()).isZero();
  }

  private void stopExport(Duration grace) {
    try {
      served.export().stop(grace);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whatIsGivenUpIsNotFlushed() throws IOException {
    try (RawClient client = served.simple()) {
      assertThat(client.ask(Wire.WRITE, 0, 0, 512, new byte[512])).isZero();
      served.disk().failWith(Kind.IO);
      served.export().abandon();
      assertThatThrownBy(() -> client.receive(1)).isInstanceOf(IOException.class);
    }
    served.export().stop(Duration.ZERO);
    assertThat(served.disk().calls()).containsExactly("write 0 512");
    assertThat(served.socket()).doesNotExist();
  }

  @Test
  void stopEndsThoughARequestNeverDoes() throws Exception {
    try (RawClient client = served.simple()) {
      served.disk().hold();
      client.send(RawClient.request(Wire.READ, 0, 1, 0, 512));
      await().until(() -> served.disk().held() == 1);
      Thread stopper = Thread.startVirtualThread(() -> stopExport(Duration.ofMillis(50)));
      assertThatThrownBy(() -> client.receive(1)).isInstanceOf(IOException.class);
      served.disk().release();
      stopper.join();
    }
  }

  @Test
  void clientThatTakesNoRepliesStopsNeitherItsWritesNorOthers() throws IOException {
    byte[] read = RawClient.request(Wire.READ, 0, 1, 0, 128 << 10);
    served.disk().write(0, TestBytes.random(128 << 10), 0, 128 << 10);
    try (RawClient stuck = served.simple()) {
      // More replies than its socket holds, and fewer than its budget.
      for (int i = 0; i < 16; i++) {
        stuck.send(read);
      }
      stuck.send(RawClient.request(Wire.WRITE, 0, 2, MIB, 512), new byte[512]);
      await().until(() -> served.disk().calls().contains("write " + MIB + " 512"));
      try (RawClient other = served.simple()) {
        assertThat(other.answers()).isTrue();
      }
      for (int i = 0; i < 16; i++) {
        assertThat(stuck.reply(128 << 10).error()).isZero();
      }
      assertThat(stuck.reply(0).cookie()).isEqualTo(2);
      assertThat(stuck.answers()).isTrue();
    }
  }

  @Test
  void requestsBeyondTheBudgetWaitInTheSocket() throws IOException {
    served.disk().cold();
    try (RawClient stuck = served.simple()) {
      byte[] read = RawClient.request(Wire.READ, 0, 1, 0, MIB);
      byte[] many = new byte[1000 * read.length];
      for (int i = 0; i < 1000; i++) {
        System.arraycopy(read, 0, many, i * read.length, read.length);
      }
      stuck.send(many);
      long share = RequestMemory.TOTAL_BYTES / 8;
      await().until(() -> served.export().stats().snapshot().queueDepth() >= 4);
      assertThat(served.export().stats().snapshot().queueDepth())
          .isLessThanOrEqualTo((int) (share / MIB));
      assertThat(served.server().memory().usedBytes()).isBetween(1L, share);
      try (RawClient other = served.simple()) {
        assertThat(other.answers()).isTrue();
      }
      for (int i = 0; i < 1000; i++) {
        assertThat(stuck.reply(MIB).error()).isZero();
      }
    }
  }

  @Test
  void longReplyThatFailsInItsMiddleEndsTheConnectionAndNoOther() throws IOException {
    try (RawClient unlucky = served.simple();
        RawClient other = served.simple()) {
      unlucky.send(RawClient.request(Wire.READ, 0, 1, 0, 64 * MIB));
      unlucky.receive(Wire.SIMPLE_BYTES);
      served.disk().failWith(Kind.DAMAGED);
      assertThat(unlucky.receiveToEnd()).isLessThan(64L * MIB);
      served.disk().failWith(null);
      assertThat(other.answers()).isTrue();
    }
    await().until(() -> served.server().memory().usedBytes() == 0);
    await().until(() -> served.export().stats().snapshot().queueDepth() == 0);
  }

  @Test
  void requestThatEndsWithAnErrorOfTheJvmEndsItsConnectionAndLeavesNothing() throws IOException {
    served.disk().cold().breakWith(new InternalError("made up"));
    try (RawClient unlucky = served.simple()) {
      unlucky.send(RawClient.request(Wire.TRIM, 0, 1, 0, 4096));
      assertThat(unlucky.receiveToEnd()).isZero();
    }
    await().until(() -> served.server().memory().usedBytes() == 0);
    await().until(() -> served.export().stats().snapshot().queueDepth() == 0);
  }

  @Test
  void handshakeThatEndsWithAnErrorOfTheJvmEndsNoOther() throws IOException {
    // No selector takes one.
    try (SocketChannel broken = new MemoryChannel(new byte[0], 1)) {
      served
          .server()
          .handshakes()
          .admit(new Connection(served.export(), broken, Duration.ofSeconds(10).toNanos()));
      try (RawClient client = served.simple()) {
        assertThat(client.answers()).isTrue();
      }
      assertThat(broken.isOpen()).isFalse();
    }
  }

  @Test
  void clientsBeyondTheLimitAreRefusedUntilOneGoes() throws IOException {
    List<RawClient> clients = new ArrayList<>();
    try (RawClient late = RawClient.greet(served.socket());
        RawClient old = RawClient.greet(served.socket())) {
      for (int i = 0; i < NbdExport.MAX_SERVED; i++) {
        clients.add(served.simple());
      }
      byte[][] go = {RawClient.string(ServedDisk.NAME), RawClient.shorts(0)};
      late.option(Handshake.GO, go);
      assertThat(late.optionReply().type()).isEqualTo(Handshake.ERR_POLICY);
      old.option(Handshake.EXPORT_NAME);
      assertThat(old.receiveToEnd()).isZero();
      late.option(Handshake.INFO, go);
      assertThat(late.optionReply().type()).isEqualTo(Handshake.REP_INFO);
      assertThat(late.optionReply().type()).isEqualTo(Handshake.REP_ACK);
      await().until(() -> served.export().connections() == NbdExport.MAX_SERVED);
      clients.getFirst().close();
      await().until(() -> served.export().connections() < NbdExport.MAX_SERVED);
      late.option(Handshake.GO, go);
      assertThat(late.optionReply().type()).isEqualTo(Handshake.REP_INFO);
      assertThat(late.optionReply().type()).isEqualTo(Handshake.REP_ACK);
      assertThat(late.answers()).isTrue();
    } finally {
      for (RawClient client : clients) {
        client.close();
      }
    }
  }

  @Test
  void clientsThatAreCutOffDoNotFillTheLog() throws IOException {
    Logger logger = (Logger) LoggerFactory.getLogger("io.bailey.nbd");
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    logger.addAppender(lines);
    int clients = 200;
    try {
      for (int i = 0; i < clients; i++) {
        try (RawClient client = served.simple()) {
          client.send(new byte[Wire.REQUEST_BYTES]);
          client.receiveToEnd();
        }
      }
    } finally {
      logger.detachAppender(lines);
    }
    assertThat(lines.list).isNotEmpty().hasSizeLessThan(clients / 2);
  }

  @Test
  void nothingIsCountedAnyMoreOfClientsThatWentAway() throws IOException {
    served.disk().cold();
    byte[] read = RawClient.request(Wire.READ, 0, 1, 0, 64 * MIB);
    for (int i = 0; i < 20; i++) {
      try (RawClient client = i % 2 == 0 ? served.simple() : served.structured()) {
        client.send(read, read, RawClient.request(Wire.BLOCK_STATUS, 0, 2, 0, MIB));
        client.send(
            RawClient.request(Wire.WRITE, 0, 3, 0, 100_000),
            new byte[100_000],
            RawClient.request(Wire.WRITE, Wire.FLAG_FUA, 4, 0, 300_000),
            new byte[1000]);
      }
    }
    await().until(() -> served.server().memory().usedBytes() == 0);
    await().until(() -> served.export().stats().snapshot().queueDepth() == 0);
  }

  @Test
  void statsCountWhatClientsAskedFor() throws IOException {
    try (RawClient client = served.simple()) {
      for (int i = 0; i < 10; i++) {
        client.ask(Wire.WRITE, 0, 0, 4096, new byte[4096]);
      }
      client.ask(Wire.FLUSH, 0, 0, 0);
      client.ask(Wire.READ, 0, served.disk().size(), 1);
      await().until(() -> served.export().stats().snapshot().errors() == 1);
      assertThat(served.export().connections()).isEqualTo(1);
      ExportStats.Snapshot stats = served.export().stats().snapshot();
      assertThat(stats.of(ExportStats.Kind.WRITE).count()).isEqualTo(10);
      assertThat(stats.of(ExportStats.Kind.WRITE).bytes()).isEqualTo(40960);
      assertThat(stats.of(ExportStats.Kind.WRITE).p999Micros()).isPositive();
      assertThat(stats.of(ExportStats.Kind.FLUSH).count()).isEqualTo(1);
      assertThat(stats.of(ExportStats.Kind.READ).count()).isZero();
    }
    await().until(() -> served.export().connections() == 0);
  }

  /** As a local disk's user may rely on: the end of a process waits for its I/O. */
  @ParameterizedTest
  @MethodSource("changes")
  void changeOfAClientThatIsGoneComesBeforeTheNextClients(String call, byte[] change)
      throws Exception {
    served.disk().hold();
    try (RawClient gone = served.simple()) {
      gone.send(change);
      await().until(() -> served.disk().held() == 1);
    }
    served.disk().letOthersPass();
    try (RawClient waiting = served.simple()) {
      waiting.send(RawClient.request(Wire.TRIM, 0, 1, 0, 8192));
    }
    writeWhileHeld(served, served.disk()::release);
    assertThat(served.disk().calls()).startsWith(call).endsWith("write 0 512");
  }

  static Stream<Arguments> changes() {
    byte[] write = RawClient.join(RawClient.request(Wire.WRITE, 0, 1, 0, 4096), new byte[4096]);
    int more = Session.WHOLE_WRITE_BYTES + 4096;
    return Stream.of(
        Arguments.of("write 0 4096", write),
        Arguments.of(
            "write 0 4096", RawClient.join(write, RawClient.request(Wire.DISCONNECT, 0, 2, 0, 0))),
        Arguments.of("trim 0 4096", RawClient.request(Wire.TRIM, 0, 1, 0, 4096)),
        Arguments.of("zero 0 4096", RawClient.request(Wire.WRITE_ZEROES, 0, 1, 0, 4096)),
        Arguments.of(
            "write 0 " + Session.WHOLE_WRITE_BYTES,
            RawClient.join(RawClient.request(Wire.WRITE, 0, 1, 0, more), new byte[more - 1])));
  }

  @Test
  void changeOfAClientThatIsGoneComesFirstThoughItsReaderIsSlow() throws Exception {
    try (RawClient gone = served.simple()) {
      assertThat(gone.answers()).isTrue();
      served.disk().holdAttempts();
      gone.send(RawClient.request(Wire.WRITE, 0, 1, 0, 4096), new byte[4096]);
      await().until(() -> served.disk().held() == 1);
    }
    served.disk().letOthersPass();
    writeWhileHeld(served, served.disk()::release);
    assertThat(served.disk().calls()).endsWith("write 0 4096", "write 0 512");
  }

  @Test
  void clientDoesNotWaitForOneThatAsksNowAndThen() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    try (RawClient busy = served.simple()) {
      FutureTask<Void> asking =
          new FutureTask<>(
              () -> {
                while (!done.get()) {
                  assertThat(busy.answers()).isTrue();
                  Thread.sleep(1);
                }
                return null;
              });
      Thread.startVirtualThread(asking);
      try (RawClient next = served.simple()) {
        assertThat(next.answers()).isTrue();
      } finally {
        done.set(true);
      }
      asking.get();
    }
  }

  @Test
  void changeOfAClientThatIsGoneComesFirstThoughItsReaderBeginsLate() throws Exception {
    CountDownLatch begin = new CountDownLatch(1);
    try (ServedDisk disk = withLateReader(1, new AtomicInteger(), begin)) {
      try (RawClient gone = disk.simple()) {
        gone.send(RawClient.request(Wire.WRITE, 0, 1, 0, 4096), new byte[4096]);
      }
      writeWhileHeld(disk, begin::countDown);
      assertThat(disk.disk().calls()).containsExactly("write 0 4096", "write 0 512");
    }
  }

  @Test
  void changeOfAClientThatIsGoneComesFirstThoughItsReadersSuccessorBeginsLate() throws Exception {
    CountDownLatch begin = new CountDownLatch(1);
    AtomicInteger begun = new AtomicInteger();
    int much = Session.DIRECT_READ_BYTES;
    byte[] read = RawClient.request(Wire.READ, 0, 1, 0, much);
    byte[] write = RawClient.request(Wire.WRITE, 0, 2, 0, 4096);
    try (ServedDisk disk = withLateReader(2, begun, begin)) {
      ExportStats stats = disk.export().stats();
      try (RawClient gone = disk.simple()) {
        assertThat(gone.answers()).isTrue();
        // Time for its reader to find that there is no more.
        Thread.sleep(50);
        gone.send(read, read, write, new byte[4096]);
        await().until(() -> begun.get() == 2);
        // Those that the first reader has sent or is held at.
        for (int i = 0; i < 2; i++) {
          assertThat(gone.reply(much).error()).isZero();
        }
        await().until(() -> stats.snapshot().of(ExportStats.Kind.READ).count() == 2);
      }
      writeWhileHeld(disk, begin::countDown);
      await().until(() -> disk.export().connections() == 0);
      assertThat(disk.disk().calls()).endsWith("write 0 4096", "write 0 512");
    }
  }

  private static ServedDisk withLateReader(int which, AtomicInteger begun, CountDownLatch begin)
      throws IOException {
    ThreadFactory readers = NbdServer.readers();
    ThreadFactory late =
        task ->
            readers.newThread(
                begun.incrementAndGet() == which ? () -> runAfter(begin, task) : task);
    return new ServedDisk(new MemoryDisk(MIB), Duration.ofSeconds(10), late);
  }

  /** The next client's write of 512 bytes, which what is let go only afterwards is to precede. */
  private static void writeWhileHeld(ServedDisk disk, Runnable letGo) throws Exception {
    try (RawClient next = disk.simple()) {
      next.send(RawClient.request(Wire.WRITE, 0, 1, 0, 512), new byte[512]);
      // Time to get ahead, if it could.
      Thread.sleep(100);
      letGo.run();
      assertThat(next.reply(0).error()).isZero();
    }
  }

  private static void runAfter(CountDownLatch begin, Runnable task) {
    try {
      begin.await();
      task.run();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void clientThatWaitsForTheChangesOfAnotherEndsWithTheExport() throws Exception {
    served.disk().hold();
    try (RawClient gone = served.simple()) {
      gone.send(RawClient.request(Wire.TRIM, 0, 1, 0, 4096));
      await().until(() -> served.disk().held() == 1);
    }
    try (RawClient next = served.simple()) {
      next.send(RawClient.request(Wire.TRIM, 0, 1, 0, 8192));
      served.export().abandon();
      assertThatThrownBy(() -> next.receive(1)).isInstanceOf(IOException.class);
    }
    served.disk().release();
    await().until(() -> served.disk().held() == 0);
    assertThat(served.disk().calls()).doesNotContain("trim 0 8192");
  }

  @Test
  void clientDoesNotWaitForTheChangesOfOneThatIsThere() throws Exception {
    served.disk().hold();
    try (RawClient busy = served.simple()) {
      busy.send(RawClient.request(Wire.TRIM, 0, 1, 0, 4096));
      await().until(() -> served.disk().held() == 1);
      served.disk().letOthersPass();
      try (RawClient next = served.simple()) {
        assertThat(next.answers()).isTrue();
      }
      served.disk().release();
      assertThat(busy.reply(0).error()).isZero();
    }
  }

  @Test
  void disconnectLetsRequestsInFlightEnd() throws IOException {
    served.disk().hold();
    try (RawClient client = served.simple()) {
      client.send(
          RawClient.request(Wire.WRITE, 0, 5, 0, 512),
          new byte[512],
          RawClient.request(Wire.DISCONNECT, 0, 6, 0, 0));
      await().until(() -> served.disk().held() == 1);
      served.disk().release();
      assertThat(client.reply(0).cookie()).isEqualTo(5);
      assertThat(client.receiveToEnd()).isZero();
    }
  }
}
