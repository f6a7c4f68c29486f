package io.bailey.nbd;

import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Requests through a session: raw bytes, or requests with their magic made right and places near
 * the borders. Each that came whole is answered once, with an error that the protocol has for it,
 * and the replies are well formed.
 */
final class RequestsFuzz {
  private static final int DISK_BYTES = (1 << 20) + 512;
  private static final Set<Integer> ERRORS =
      Set.of(
          NbdError.OK.number(),
          NbdError.EINVAL.number(),
          NbdError.ENOSPC.number(),
          NbdError.EOVERFLOW.number());
  private static final ServedDisk HOT = serve(new MemoryDisk(DISK_BYTES));
  private static final ServedDisk COLD = serve(new MemoryDisk(DISK_BYTES).cold());

  private RequestsFuzz() {}

  private record Request(int command, int length) {}

  private static ServedDisk serve(MemoryDisk disk) {
    try {
      ServedDisk served = new ServedDisk(disk);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> close(served)));
      return served;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void close(ServedDisk served) {
    try {
      served.close();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    int how = input.nextByte();
    ServedDisk served = (how & 1) == 0 ? HOT : COLD;
    boolean structured = (how & 2) != 0;
    boolean allocation = structured && (how & 4) != 0;
    int pieceBytes = (how & 8) == 0 ? 1 << 20 : 1 + input.nextByte();
    byte[] sent = (how & 0x30) == 0x30 ? input.rest() : requests(input);
    Map<Long, Request> expected = new HashMap<>();
    countCookies(sent, expected);
    served.disk().calls().clear();
    FuzzRule.holds(
        (4 << 20) + 64L * sent.length,
        () -> {
          MemoryChannel channel = new MemoryChannel(sent, pieceBytes);
          try {
            run(served, channel, structured, allocation);
          } finally {
            checkReplies(ByteBuffer.wrap(channel.written()), new HashMap<>(expected));
            FuzzRule.check(served.server().memory().usedBytes() == 0, "nothing held any more");
          }
        });
  }

  private static void run(
      ServedDisk served, MemoryChannel channel, boolean structured, boolean allocation)
      throws IOException {
    PolledChannel polled = new PolledChannel(channel, PolledChannel.pollers());
    Outbox outbox = new Outbox(polled, served.server().memory(), () -> {});
    Session session =
        served.export().open(polled, outbox, ByteBuffer.allocate(0), structured, allocation);
    try {
      session.run();
    } catch (EOFException | ProtocolException e) {
      outbox.awaitIdle();
      throw e;
    }
  }

  private static byte[] requests(FuzzInput input) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (!input.isEmpty() && all.size() < 4 << 20) {
      int command = input.nextByte();
      command = command < 250 ? command & 7 : input.nextShort();
      int flags = input.nextByte();
      flags = flags < 128 ? 0 : flags < 250 ? flags & 0x1f : input.nextShort();
      long offset = near(input, DISK_BYTES);
      int length = (int) near(input, 300 << 10);
      all.writeBytes(RawClient.request(command, flags, 0, offset, length));
      if (command == Wire.WRITE && length >= 0 && length <= 2 * DISK_BYTES) {
        all.writeBytes(new byte[length]);
      }
    }
    return all.toByteArray();
  }

  private static long near(FuzzInput input, long end) {
    long from =
        switch (input.nextByte() & 7) {
          case 0 -> 0;
          case 1 -> end;
          case 2 -> 1L << 32;
          case 3 -> Long.MIN_VALUE;
          case 4 -> Wire.MAX_DATA_BYTES;
          case 5 -> 4096;
          default -> input.nextShort();
        };
    return from + (byte) input.nextByte();
  }

  /** Gives each request a cookie of its own, and notes those that will be there as a whole. */
  private static void countCookies(byte[] sent, Map<Long, Request> expected) {
    MemorySegment bytes = MemorySegment.ofArray(sent);
    long cookie = 0;
    for (int at = 0; sent.length - at >= Wire.REQUEST_BYTES; ) {
      int command = Wire.u16(bytes, at + 6);
      long length = Wire.u32(bytes, at + 24);
      long payload = command == Wire.WRITE ? length : 0;
      if (Wire.i32(bytes, at) != Wire.REQUEST_MAGIC
          || command == Wire.DISCONNECT
          || sent.length - at - Wire.REQUEST_BYTES < payload) {
        return;
      }
      Wire.putLong(bytes, at + 8, ++cookie);
      expected.put(cookie, new Request(command, (int) length));
      at += Wire.REQUEST_BYTES + (int) payload;
    }
  }

  private static void checkReplies(ByteBuffer in, Map<Long, Request> expected) {
    Map<Long, List<int[]>> parts = new HashMap<>();
    while (in.hasRemaining()) {
      int magic = in.getInt();
      FuzzRule.check(magic == Wire.SIMPLE_MAGIC || magic == Wire.CHUNK_MAGIC, "a reply");
      if (magic == Wire.SIMPLE_MAGIC) {
        int error = in.getInt();
        Request request = take(expected, in.getLong());
        FuzzRule.check(ERRORS.contains(error), "error " + error);
        if (error == 0 && request.command == Wire.READ) {
          in.position(in.position() + request.length);
        }
      } else {
        chunk(in, parts, expected);
      }
    }
    FuzzRule.check(expected.isEmpty(), "not answered: " + expected);
  }

  private static void chunk(
      ByteBuffer in, Map<Long, List<int[]>> parts, Map<Long, Request> expected) {
    int flags = in.getShort();
    int type = in.getShort() & 0xffff;
    long cookie = in.getLong();
    int length = in.getInt();
    ByteBuffer payload = in.slice(in.position(), length);
    in.position(in.position() + length);
    List<int[]> ofRequest = parts.computeIfAbsent(cookie, key -> new ArrayList<>());
    boolean failed = false;
    switch (type) {
      case Wire.CHUNK_OFFSET_DATA -> ofRequest.add(new int[] {length - 8});
      case Wire.CHUNK_OFFSET_HOLE -> ofRequest.add(new int[] {payload.getInt(8)});
      case Wire.CHUNK_BLOCK_STATUS -> FuzzRule.check(length >= 12 && length % 8 == 4, "extents");
      case Wire.CHUNK_NONE -> FuzzRule.check(length == 0, "nothing");
      case Wire.CHUNK_ERROR -> {
        failed = true;
        FuzzRule.check(ERRORS.contains(payload.getInt(0)), "error " + payload.getInt(0));
      }
      default -> throw new AssertionError("chunk of type " + type);
    }
    if ((flags & Wire.CHUNK_DONE) != 0) {
      Request request = take(expected, cookie);
      int sum = ofRequest.stream().mapToInt(part -> part[0]).sum();
      FuzzRule.check(
          failed || request.command != Wire.READ || sum == request.length, "all that was read");
    }
  }

  private static Request take(Map<Long, Request> expected, long cookie) {
    Request request = expected.remove(cookie);
    if (request == null) {
      throw new AssertionError("a reply to nothing, or a second one: " + cookie);
    }
    return request;
  }
}
