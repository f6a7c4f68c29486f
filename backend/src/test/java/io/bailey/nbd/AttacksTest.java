package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.nbd.RawClient.OptionReply;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What broke other servers, by number. After each, the export serves as before, and a client of
 * another export was served all along.
 */
@Timeout(60)
class AttacksTest {
  private static final int EINVAL = 22;
  private static final byte[] BYSTANDERS_DATA = TestBytes.random(4096);

  private ServedDisk served;
  private NbdExport other;
  private RawClient bystander;

  @BeforeEach
  void serve() throws IOException {
    served = new ServedDisk(new MemoryDisk(1L << 33));
    other =
        served
            .server()
            .serve(
                "other", "", new MemoryDisk(1 << 20), served.socket().resolveSibling("other.sock"));
    bystander = RawClient.simple(other.socket(), "other");
    assertThat(bystander.ask(Wire.WRITE, 0, 0, 4096, BYSTANDERS_DATA)).isZero();
  }

  @AfterEach
  void stop() throws IOException {
    try {
      if (!served.export().isStopping()) {
        assertServes();
      }
      if (!other.isStopping()) {
        assertOtherServes();
      }
    } finally {
      bystander.close();
      served.close();
    }
  }

  private void assertOtherServes() throws IOException {
    bystander.send(RawClient.request(Wire.READ, 0, 1, 0, 4096));
    assertThat(bystander.reply(4096).payload()).isEqualTo(BYSTANDERS_DATA);
    try (RawClient fresh = RawClient.simple(other.socket(), "other")) {
      assertThat(fresh.answers()).isTrue();
    }
  }

  private void assertServes() throws IOException {
    try (RawClient client = served.structured()) {
      assertThat(client.ask(Wire.WRITE, 0, 0, 512, new byte[512])).isZero();
    }
    await().until(() -> served.export().connections() == 0);
    await().until(() -> served.export().stats().snapshot().queueDepth() == 0);
  }

  @Test
  void cve202226495NameLengthsThatWrap() throws IOException {
    for (int length : new int[] {0xffffffff, 0x80000000, 4097}) {
      for (int option : new int[] {Handshake.INFO, Handshake.GO, Handshake.SET_META_CONTEXT}) {
        try (RawClient client = RawClient.greet(served.socket())) {
          client.option(Handshake.STRUCTURED_REPLY);
          client.optionReply();
          client.option(option, RawClient.ints(length), new byte[64]);
          assertThat(client.optionReply().type()).isEqualTo(Handshake.ERR_TOO_BIG);
          client.option(Handshake.LIST);
          assertThat(client.optionReply().type()).isEqualTo(Handshake.REP_SERVER);
        }
      }
      try (RawClient client = RawClient.greet(served.socket())) {
        client.send(RawClient.optionHeader(Handshake.EXPORT_NAME, length), new byte[4097]);
        assertThat(client.receiveToEnd()).isZero();
      }
    }
  }

  @Test
  void cve202226496NameAndOptionLengthsDisagree() throws IOException {
    for (int nameLength : new int[] {0, 3, 5, 1000, 4096}) {
      try (RawClient client = RawClient.greet(served.socket())) {
        client.option(Handshake.GO, RawClient.ints(nameLength), new byte[] {'d', 'i', 's', 'k', 0});
        assertThat(client.optionReply().type()).isEqualTo(Handshake.ERR_INVALID);
      }
    }
    for (int length : new int[] {4000, 32 << 10, 1 << 20}) {
      try (RawClient client = RawClient.greet(served.socket())) {
        client.sendWhatGoes(
            RawClient.optionBytes(Handshake.GO, RawClient.ints(4), new byte[length - 4]));
        if (length > Handshake.MAX_OPTION_BYTES) {
          assertThat(client.receiveToEnd()).isZero();
        } else {
          assertThat(client.optionReply().isError()).isTrue();
        }
      }
    }
  }

  @Test
  void cve20150847ConnectionsMadeAndCutWhileAnExportStops() throws Exception {
    connectAndCutWhile(() -> stop(served.export()));
    assertOtherServes();
  }

  @Test
  void cve20150847ConnectionsMadeAndCutWhileTheServerStops() throws Exception {
    connectAndCutWhile(served.server()::close);
    assertThat(other.socket()).doesNotExist();
    assertThat(bystander.receiveToEnd()).isZero();
  }

  private void connectAndCutWhile(Runnable stop) throws Exception {
    Thread stopper = Thread.ofPlatform().unstarted(stop);
    for (int i = 0; i < 1000; i++) {
      if (i == 500) {
        stopper.start();
      }
      try (RawClient client = RawClient.connect(served.socket())) {
        client.send(RawClient.ints(3));
      } catch (IOException e) {
        assertThat(i).isGreaterThanOrEqualTo(500);
      }
    }
    stopper.join();
    assertThat(served.socket()).doesNotExist();
  }

  private static void stop(NbdExport export) {
    try {
      export.stop(Duration.ofSeconds(5));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void cve20137441CutAfterEachByteOfTheHandshake() throws IOException {
    byte[] all = wholeHandshake();
    for (int i = 0; i <= all.length; i++) {
      try (RawClient client = RawClient.connect(served.socket())) {
        client.send(Arrays.copyOf(all, i));
      }
    }
    assertServes();
  }

  private static byte[] wholeHandshake() {
    return RawClient.join(
        RawClient.ints(3),
        RawClient.optionBytes(Handshake.STRUCTURED_REPLY),
        RawClient.optionBytes(
            Handshake.SET_META_CONTEXT,
            RawClient.string("disk"),
            RawClient.ints(1),
            RawClient.string("base:allocation")),
        RawClient.optionBytes(Handshake.GO, RawClient.string("disk"), RawClient.shorts(1, 3)),
        RawClient.request(Wire.READ, 0, 1, 0, 4096));
  }

  @Test
  void cve20053534RequestsLongerThanTheMaximum() throws IOException {
    int tooLong = Wire.MAX_DATA_BYTES + 1;
    try (RawClient client = served.simple()) {
      assertThat(client.ask(Wire.READ, 0, 0, tooLong)).isEqualTo(EINVAL);
      assertThat(client.ask(Wire.READ, 0, 0, 0xffffffff)).isEqualTo(EINVAL);
      assertThat(client.ask(Wire.WRITE, 0, 0, tooLong, new byte[tooLong])).isEqualTo(EINVAL);
      assertThat(client.answers()).isTrue();
    }
    assertThat(served.disk().calls()).containsExactly("flush");
  }

  @Test
  void cve20213716NothingIsKeptAcrossStartTls() throws IOException {
    try (RawClient client = RawClient.greet(served.socket())) {
      client.option(Handshake.STRUCTURED_REPLY);
      client.optionReply();
      byte[][] query = {
        RawClient.string("disk"), RawClient.ints(1), RawClient.string("base:allocation")
      };
      client.option(Handshake.SET_META_CONTEXT, query);
      client.optionReply();
      client.optionReply();
      client.option(Handshake.STARTTLS);
      assertThat(client.optionReply().type()).isEqualTo(Handshake.ERR_POLICY);
      client.option(Handshake.SET_META_CONTEXT, query);
      assertThat(client.optionReply().type()).isEqualTo(Handshake.ERR_INVALID);
      client.option(Handshake.EXPORT_NAME, "disk".getBytes(StandardCharsets.UTF_8));
      client.receive(10);
      assertThat(client.ask(Wire.BLOCK_STATUS, 0, 0, 4096)).isEqualTo(EINVAL);
    }
  }

  @Test
  @Tag("slow")
  void cve201914850HalfHandshakesDoNotTouchTheDisk() throws IOException {
    for (int i = 0; i < 10_000; i++) {
      try (RawClient client = RawClient.greet(served.socket())) {
        client.option(Handshake.STRUCTURED_REPLY);
        if (i % 2 == 0) {
          client.option(Handshake.LIST);
        }
      }
    }
    assertThat(served.disk().touches()).isZero();
  }

  @Test
  void cve201914851OptionsInAnyOrderAndNumber() throws IOException {
    Random random = new Random(14851);
    for (int round = 0; round < 200; round++) {
      try (RawClient client = RawClient.greet(served.socket())) {
        List<byte[]> sent = new ArrayList<>();
        for (int i = random.nextInt(2 * Handshake.MAX_OPTIONS); i > 0; i--) {
          byte[] payload = new byte[random.nextInt(40)];
          if (random.nextBoolean()) {
            payload = RawClient.join(RawClient.string("disk"), payload);
          }
          sent.add(RawClient.optionBytes(2 + random.nextInt(12), payload));
        }
        client.sendWhatGoes(RawClient.join(sent.toArray(byte[][]::new)));
        client.sendWhatGoes(RawClient.optionBytes(Handshake.ABORT));
      } catch (IOException e) {
        // It may have been cut off: too many options, or no request after a GO.
        assertThat(e).hasMessageMatching("(?i).*(broken pipe|reset).*");
      }
    }
  }

  @Test
  void moreOptionsThanAllowedAreCutOff() throws IOException {
    try (RawClient client = RawClient.greet(served.socket())) {
      for (int i = 0; i < Handshake.MAX_OPTIONS; i++) {
        client.option(99);
        assertThat(client.optionReply().type()).isEqualTo(Handshake.ERR_UNSUP);
      }
      client.option(99);
      assertThat(client.receiveToEnd()).isZero();
    }
  }

  @Test
  void cve202547711BlockStatusIsNeverLongerThanAsked() throws IOException {
    try (RawClient client = served.structured()) {
      for (int length : new int[] {1, 511, 4095, 4097, 0xffffffff}) {
        client.send(RawClient.request(Wire.BLOCK_STATUS, 0, 1, 3, length));
        byte[] payload = client.replies().getFirst().payload();
        long sum = 0;
        for (int at = 4; at < payload.length; at += 8) {
          sum += Wire.u32(MemorySegment.ofArray(payload), at);
        }
        assertThat(sum).isEqualTo(length & 0xffffffffL);
      }
      assertThat(client.ask(Wire.BLOCK_STATUS, 0, 0, 0)).isEqualTo(EINVAL);
      assertThat(client.ask(Wire.BLOCK_STATUS, 0, (1L << 33) - 1, 2)).isEqualTo(EINVAL);
    }
  }

  @Test
  void cve202547712UnalignedOffsetsNearPowersOfTwo() throws IOException {
    try (RawClient client = served.structured()) {
      for (long base : new long[] {1L << 32, Long.MIN_VALUE}) {
        for (long offset = base - 3; offset <= base + 3; offset += 2) {
          int expected = base > 0 ? 0 : EINVAL;
          for (int command : new int[] {Wire.TRIM, Wire.WRITE_ZEROES, Wire.CACHE, Wire.READ}) {
            assertThat(client.ask(command, 0, offset, 8191)).isEqualTo(expected);
          }
        }
      }
      assertThat(client.ask(Wire.TRIM, 0, 5, 0xffffffff)).isZero();
      assertThat(client.ask(Wire.WRITE_ZEROES, 0, 5, 0xfffffffb)).isZero();
    }
  }

  @Test
  void cve201715118LongExportNames() throws IOException {
    for (int length : new int[] {256, 257, 4096, 4097}) {
      try (RawClient client = RawClient.greet(served.socket())) {
        client.option(Handshake.GO, RawClient.string("n".repeat(length)), RawClient.shorts(0));
        assertThat(client.optionReply().type())
            .isEqualTo(length > 4096 ? Handshake.ERR_TOO_BIG : Handshake.ERR_UNKNOWN);
        client.option(Handshake.EXPORT_NAME, new byte[length]);
        assertThat(client.receiveToEnd()).isZero();
      }
    }
    String longest = "e".repeat(4096);
    var socket = served.socket().resolveSibling("long");
    served.server().serve(longest, "", served.disk(), socket);
    try (RawClient client = RawClient.structured(socket, longest)) {
      assertThat(client.answers()).isTrue();
    }
  }

  @Test
  void cve201715119HugeOptionIsCutOffWithLittleReadOfIt() throws IOException {
    for (int length : new int[] {0xffffffff, 0x80000000, 1 << 20, Handshake.MAX_OPTION_BYTES + 1}) {
      byte[] sent =
          RawClient.join(RawClient.ints(3), RawClient.optionHeader(99, length), new byte[1 << 20]);
      MemoryChannel channel = new MemoryChannel(sent, sent.length);
      Connection connection =
          new Connection(served.export(), channel, Duration.ofSeconds(10).toNanos());
      assertThat(connection.negotiate()).isEqualTo(Connection.Wants.CLOSE);
      assertThat(channel.taken()).isLessThan(64 << 10);
      try (RawClient client = RawClient.greet(served.socket())) {
        client.send(RawClient.optionHeader(99, length));
        assertThat(client.receiveToEnd()).isZero();
      }
    }
  }

  @Test
  void cve20177539GarbageInEachState() throws IOException {
    byte[] handshake = wholeHandshake();
    Random random = new Random(7539);
    for (int at : new int[] {0, 4, 12, 20, 25, 36, handshake.length - 28, handshake.length}) {
      for (int i = 0; i < 20; i++) {
        byte[] garbage = new byte[1 + random.nextInt(3000)];
        random.nextBytes(garbage);
        try (RawClient client = RawClient.connect(served.socket())) {
          client.sendWhatGoes(Arrays.copyOf(handshake, at));
          client.sendWhatGoes(garbage);
        } catch (IOException e) {
          assertThat(e).hasMessageMatching("(?i).*(broken pipe|reset).*");
        }
      }
    }
  }

  @Test
  void cve20179524ResetAfterEachOfTheFirstBytes() throws IOException {
    byte[] all = wholeHandshake();
    for (int i = 0; i <= 64; i++) {
      // Closing with the greeting unread is a reset.
      RawClient client = RawClient.connect(served.socket());
      client.send(Arrays.copyOf(all, i));
      client.close();
    }
  }

  @Test
  void cve202010761ErrorForTheLongestNameIsShort() throws IOException {
    try (RawClient client = RawClient.greet(served.socket())) {
      client.option(Handshake.STRUCTURED_REPLY);
      client.optionReply();
      for (int option : new int[] {Handshake.INFO, Handshake.GO}) {
        client.option(option, RawClient.string("n".repeat(4096)), RawClient.shorts(0));
        OptionReply reply = client.optionReply();
        assertThat(reply.type()).isEqualTo(Handshake.ERR_UNKNOWN);
        assertThat(reply.payload()).hasSizeLessThan(1000);
      }
    }
  }

  @Test
  void cve20247409IdleSocketsDoNotKeepAnExportFromStopping() throws Exception {
    stopWithIdleSockets(() -> stop(served.export()));
    assertOtherServes();
  }

  @Test
  void cve20247409IdleSocketsDoNotKeepTheServerFromStopping() throws Exception {
    stopWithIdleSockets(served.server()::close);
  }

  private void stopWithIdleSockets(Runnable stop) throws Exception {
    List<RawClient> idle = new ArrayList<>();
    try {
      for (int i = 0; i < 500; i++) {
        idle.add(RawClient.connect(served.socket()));
      }
      Thread stopper = Thread.ofPlatform().start(stop);
      assertThat(stopper.join(Duration.ofSeconds(4))).isTrue();
      for (RawClient client : idle) {
        client.receiveToEnd();
      }
    } finally {
      for (RawClient client : idle) {
        client.close();
      }
    }
  }

  @Test
  void handshakeThatTakesTooLongIsCutOff() throws IOException {
    try (ServedDisk hasty = new ServedDisk(new MemoryDisk(1 << 20), Duration.ofSeconds(1));
        RawClient early = hasty.simple();
        RawClient slow = RawClient.greet(hasty.socket())) {
      assertThat(slow.receiveToEnd()).isZero();
      assertThat(early.answers()).isTrue();
    }
  }
}
