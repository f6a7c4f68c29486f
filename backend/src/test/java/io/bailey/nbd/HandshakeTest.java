package io.bailey.nbd;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.nbd.Handshake.Disk;
import io.bailey.nbd.Handshake.Next;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class HandshakeTest {
  private static final byte[] NAME = RawClient.string("disk");
  private static final byte[] ALLOCATION = RawClient.string("base:allocation");

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Case(String what, int option, byte[] payload, List<Integer> types) {}

  private static Handshake handshake() {
    return new Handshake("disk", "words", () -> new Disk(1 << 20, false), () -> true);
  }

  @TestFactory
  Stream<DynamicTest> eachOptionGetsItsReplies() {
    int info = Handshake.REP_INFO;
    int ack = Handshake.REP_ACK;
    int meta = Handshake.REP_META_CONTEXT;
    int invalid = Handshake.ERR_INVALID;
    int unknown = Handshake.ERR_UNKNOWN;
    byte[] none = new byte[0];
    return Stream.of(
            option("unknown", 77, List.of(Handshake.ERR_UNSUP), new byte[100]),
            option("extended headers", 11, List.of(Handshake.ERR_UNSUP), none),
            option("list", Handshake.LIST, List.of(Handshake.REP_SERVER, ack), none),
            option("list with data", Handshake.LIST, List.of(invalid), new byte[1]),
            option("tls", Handshake.STARTTLS, List.of(Handshake.ERR_POLICY), none),
            option("info", Handshake.INFO, List.of(info, ack), NAME, RawClient.shorts(0)),
            option(
                "default", Handshake.INFO, List.of(info, ack), RawClient.string(""), new byte[2]),
            option(
                "all infos, one twice",
                Handshake.INFO,
                List.of(info, info, info, info, ack),
                NAME,
                RawClient.shorts(6, 3, 2, 1, 0, 3, 999)),
            option(
                "other name", Handshake.INFO, List.of(unknown), RawClient.string("x"), new byte[2]),
            option("no infos", Handshake.INFO, List.of(invalid), NAME),
            option("too few infos", Handshake.INFO, List.of(invalid), NAME, RawClient.shorts(2, 1)),
            option("empty info", Handshake.INFO, List.of(invalid), none),
            option("contexts", Handshake.LIST_META_CONTEXT, List.of(meta, ack), NAME, new byte[4]),
            option(
                "context",
                Handshake.SET_META_CONTEXT,
                List.of(meta, ack),
                NAME,
                RawClient.ints(1),
                ALLOCATION),
            option(
                "context nobody knows",
                Handshake.SET_META_CONTEXT,
                List.of(ack),
                NAME,
                RawClient.ints(2),
                RawClient.string("base:"),
                RawClient.string("x:y")),
            option("no context", Handshake.SET_META_CONTEXT, List.of(ack), NAME, new byte[4]),
            option(
                "more queries than there are",
                Handshake.SET_META_CONTEXT,
                List.of(invalid),
                NAME,
                RawClient.ints(-1),
                ALLOCATION),
            option(
                "data behind the queries",
                Handshake.SET_META_CONTEXT,
                List.of(invalid),
                NAME,
                RawClient.ints(1),
                ALLOCATION,
                new byte[1]))
        .map(c -> DynamicTest.dynamicTest(c.what, () -> check(c)));
  }

  private static Case option(String what, int option, List<Integer> types, byte[]... payload) {
    return new Case(what, option, RawClient.join(payload), types);
  }

  private static void check(Case c) {
    Handshake handshake = handshake();
    handshake.take(
        ByteBuffer.wrap(
            RawClient.join(RawClient.ints(3), RawClient.optionBytes(Handshake.STRUCTURED_REPLY))));
    handshake.output();
    ByteBuffer in = ByteBuffer.wrap(RawClient.optionBytes(c.option, c.payload));
    assertThat(handshake.take(in)).isEqualTo(Next.MORE);
    assertThat(in.remaining()).isZero();
    assertThat(replyTypes(ByteBuffer.wrap(handshake.output()), c.option)).isEqualTo(c.types);
  }

  private static List<Integer> replyTypes(ByteBuffer out, int option) {
    List<Integer> types = new ArrayList<>();
    while (out.hasRemaining()) {
      assertThat(out.getLong()).isEqualTo(0x3e889045565a9L);
      assertThat(out.getInt()).isEqualTo(option);
      types.add(out.getInt());
      out.position(out.position() + 4 + out.getInt(out.position()));
    }
    return types;
  }

  @Test
  void exportNameAnswersWithZeroesUnlessTheyAreNotWanted() {
    byte[] choose = RawClient.optionBytes(Handshake.EXPORT_NAME, "disk".getBytes(UTF_8));
    for (int flags : new int[] {0, 1, 3}) {
      Handshake handshake = handshake();
      handshake.output();
      assertThat(handshake.take(ByteBuffer.wrap(RawClient.join(RawClient.ints(flags), choose))))
          .isEqualTo(Next.SERVE);
      assertThat(handshake.output()).hasSize(flags == 3 ? 10 : 134);
    }
  }

  @Test
  void unknownClientFlagsEndIt() {
    assertThat(handshake().take(ByteBuffer.wrap(RawClient.ints(4)))).isEqualTo(Next.CLOSE);
  }

  @Test
  void bytesComingOneByOneMakeNoDifference() {
    byte[] all =
        RawClient.join(
            RawClient.ints(3),
            RawClient.optionBytes(Handshake.STRUCTURED_REPLY),
            RawClient.optionBytes(Handshake.SET_META_CONTEXT, NAME, RawClient.ints(1), ALLOCATION),
            RawClient.optionBytes(Handshake.GO, NAME, RawClient.shorts(2, 3, 1)));
    Handshake atOnce = handshake();
    assertThat(atOnce.take(ByteBuffer.wrap(all))).isEqualTo(Next.SERVE);
    Handshake slowly = handshake();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteBuffer in = ByteBuffer.allocate(1 << 10);
    Next next = Next.MORE;
    for (byte b : all) {
      assertThat(next).isEqualTo(Next.MORE);
      in.put(b).flip();
      next = slowly.take(in);
      in.compact();
      out.writeBytes(slowly.output());
    }
    assertThat(next).isEqualTo(Next.SERVE);
    assertThat(out.toByteArray()).isEqualTo(atOnce.output());
    assertThat(slowly.structured() && slowly.allocation()).isTrue();
  }
}
