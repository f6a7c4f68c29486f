package io.bailey.nbd;

import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import io.bailey.nbd.Handshake.Disk;
import io.bailey.nbd.Handshake.Next;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Handshakes: raw bytes, or options with their magic and, mostly, their lengths made right. The
 * answer is the same however the bytes come, and never long.
 */
final class HandshakeFuzz {
  private static final int MOST_OUTPUT_BYTES = 64 << 10;

  private HandshakeFuzz() {}

  private record Outcome(Next next, boolean structured, boolean allocation, byte[] output) {}

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    int pieceBytes = 1 + input.nextByte() % 64;
    boolean raw = (input.nextByte() & 7) == 0;
    byte[] sent = raw ? input.rest() : options(input);
    FuzzRule.holds(
        (512 << 10) + 16L * sent.length,
        () -> {
          Outcome atOnce = negotiate(sent, sent.length);
          FuzzRule.check(atOnce.output.length <= MOST_OUTPUT_BYTES, "an answer that is short");
          if (sent.length <= 2048) {
            Outcome slowly = negotiate(sent, pieceBytes);
            FuzzRule.check(slowly.next == atOnce.next, "the same end");
            FuzzRule.check(slowly.structured == atOnce.structured, "the same replies");
            FuzzRule.check(slowly.allocation == atOnce.allocation, "the same context");
            FuzzRule.check(Arrays.equals(slowly.output, atOnce.output), "the same answers");
          }
          FuzzRule.check(atOnce.structured || !atOnce.allocation, "no context without chunks");
        });
  }

  private static Outcome negotiate(byte[] sent, int pieceBytes) {
    Handshake handshake =
        new Handshake("disk", "words", () -> new Disk(1 << 20, false), () -> true);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(handshake.output());
    ByteBuffer in = ByteBuffer.allocate(Math.max(sent.length, Handshake.MAX_OPTION_BYTES + 1024));
    Next next = Next.MORE;
    for (int at = 0; at < sent.length && next == Next.MORE; ) {
      int count = Math.min(pieceBytes, sent.length - at);
      in.put(sent, at, count).flip();
      at += count;
      next = handshake.take(in);
      in.compact();
      out.writeBytes(handshake.output());
    }
    return new Outcome(next, handshake.structured(), handshake.allocation(), out.toByteArray());
  }

  private static byte[] options(FuzzInput input) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(RawClient.ints(input.nextByte() & 3));
    while (!input.isEmpty()) {
      int option = input.nextByte() & 15;
      byte[] payload = payload(input);
      int wrong = input.nextByte();
      int length = wrong == 255 ? input.nextInt() : payload.length;
      all.writeBytes(RawClient.optionHeader(option, length));
      all.writeBytes(payload);
    }
    return all.toByteArray();
  }

  private static byte[] payload(FuzzInput input) {
    byte[] name = RawClient.string("disk");
    return switch (input.nextByte() & 7) {
      case 0 -> new byte[0];
      case 1 -> RawClient.join(name, RawClient.shorts(input.nextByte()), input.nextBytes(16));
      case 2 -> RawClient.join(name, RawClient.shorts(1, input.nextByte()));
      case 3 -> RawClient.join(name, RawClient.ints(1), RawClient.string("base:allocation"));
      case 4 -> RawClient.join(name, RawClient.ints(input.nextByte()), input.nextBytes(64));
      case 5 -> RawClient.join(RawClient.ints(input.nextInt()), input.nextBytes(32));
      default -> input.nextBytes(input.nextByte());
    };
  }
}
