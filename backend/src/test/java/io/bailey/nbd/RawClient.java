package io.bailey.nbd;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** An NBD client that sends whatever it is told to, right or wrong. */
final class RawClient implements AutoCloseable {
  static final long OPTION_MAGIC = 0x49484156454f5054L;
  static final int SERVER_GREETING = 18;

  /** A reply to an option. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record OptionReply(int option, int type, byte[] payload) {
    boolean isError() {
      return type < 0;
    }
  }

  /** A simple reply, or one chunk of a structured one. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Reply(boolean chunk, int flags, int type, int error, long cookie, byte[] payload) {
    boolean isLast() {
      return !chunk || (flags & Wire.CHUNK_DONE) != 0;
    }
  }

  private final SocketChannel channel;

  private RawClient(SocketChannel channel) {
    this.channel = channel;
  }

  /** Connects and says nothing. */
  static RawClient connect(Path socket) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    channel.connect(UnixDomainSocketAddress.of(socket));
    return new RawClient(channel);
  }

  /** Connects and goes through the first exchange: options come next. */
  static RawClient greet(Path socket) throws IOException {
    RawClient client = connect(socket);
    client.receive(SERVER_GREETING);
    client.send(ints(3));
    return client;
  }

  /** Connects and chooses the export, with simple replies. */
  static RawClient simple(Path socket, String name) throws IOException {
    RawClient client = greet(socket);
    client.go(name);
    return client;
  }

  /** Connects and chooses the export, with structured replies and base:allocation. */
  static RawClient structured(Path socket, String name) throws IOException {
    RawClient client = greet(socket);
    client.option(Handshake.STRUCTURED_REPLY);
    client.optionReply();
    client.option(Handshake.SET_META_CONTEXT, string(name), ints(1), string("base:allocation"));
    while (client.optionReply().type() != Handshake.REP_ACK) {
      // the context's id
    }
    client.go(name);
    return client;
  }

  private void go(String name) throws IOException {
    option(Handshake.GO, string(name), shorts(0));
    OptionReply reply = optionReply();
    while (reply.type() == Handshake.REP_INFO) {
      reply = optionReply();
    }
    if (reply.type() != Handshake.REP_ACK) {
      throw new IOException("GO failed with " + Integer.toHexString(reply.type()));
    }
  }

  static byte[] ints(int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
    for (int value : values) {
      bytes.putInt(value);
    }
    return bytes.array();
  }

  static byte[] shorts(int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(2 * values.length);
    for (int value : values) {
      bytes.putShort((short) value);
    }
    return bytes.array();
  }

  /** A string behind its length. */
  static byte[] string(String text) {
    return join(ints(text.getBytes(UTF_8).length), text.getBytes(UTF_8));
  }

  static byte[] join(byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    ByteBuffer all = ByteBuffer.allocate(length);
    for (byte[] part : parts) {
      all.put(part);
    }
    return all.array();
  }

  /** An option with its true length. */
  static byte[] optionBytes(int option, byte[]... payload) {
    byte[] all = join(payload);
    return join(optionHeader(option, all.length), all);
  }

  static byte[] optionHeader(int option, int length) {
    return ByteBuffer.allocate(16).putLong(OPTION_MAGIC).putInt(option).putInt(length).array();
  }

  static byte[] request(int command, int flags, long cookie, long offset, int length) {
    return ByteBuffer.allocate(Wire.REQUEST_BYTES)
        .putInt(Wire.REQUEST_MAGIC)
        .putShort((short) flags)
        .putShort((short) command)
        .putLong(cookie)
        .putLong(offset)
        .putInt(length)
        .array();
  }

  void option(int option, byte[]... payload) throws IOException {
    send(optionBytes(option, payload));
  }

  void send(byte[]... bytes) throws IOException {
    ByteBuffer all = ByteBuffer.wrap(join(bytes));
    while (all.hasRemaining()) {
      channel.write(all);
    }
  }

  /** Sends as much as goes without waiting, and while the server doesn't close. */
  void sendWhatGoes(byte[] bytes) throws IOException {
    channel.configureBlocking(false);
    try {
      ByteBuffer all = ByteBuffer.wrap(bytes);
      int count = 1;
      while (all.hasRemaining() && count > 0) {
        count = channel.write(all);
      }
    } catch (IOException e) {
      if (channel.isConnected() && "Broken pipe".equals(e.getMessage())) {
        return;
      }
      throw e;
    } finally {
      channel.configureBlocking(true);
    }
  }

  byte[] receive(int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes) < 0) {
        throw new EOFException("closed by the server");
      }
    }
    return bytes.array();
  }

  /** Reads that much and forgets it. */
  void skip(long length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(64 << 10);
    for (long left = length; left > 0; left -= bytes.position()) {
      bytes.clear().limit((int) Math.min(bytes.capacity(), left));
      if (channel.read(bytes) < 0) {
        throw new EOFException("closed by the server");
      }
    }
  }

  /** Reads until the server closes; returns how much came. */
  long receiveToEnd() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8192);
    long count = 0;
    try {
      for (int n = channel.read(bytes); n >= 0; n = channel.read(bytes.clear())) {
        count += n;
      }
    } catch (IOException e) {
      // A reset, where the server closed with bytes of ours unread, is an end as well.
      return count;
    }
    return count;
  }

  OptionReply optionReply() throws IOException {
    ByteBuffer header = ByteBuffer.wrap(receive(20));
    if (header.getLong() != 0x3e889045565a9L) {
      throw new IOException("no option reply");
    }
    return new OptionReply(header.getInt(), header.getInt(), receive(header.getInt()));
  }

  /**
   * Reads a reply.
   *
   * @param simpleData what follows a simple reply without an error
   */
  Reply reply(int simpleData) throws IOException {
    ByteBuffer header = ByteBuffer.wrap(receive(16));
    if (header.getInt() == Wire.SIMPLE_MAGIC) {
      int error = header.getInt();
      return new Reply(false, 0, 0, error, header.getLong(), receive(error == 0 ? simpleData : 0));
    }
    int flags = header.getShort();
    int type = header.getShort() & 0xffff;
    long cookie = header.getLong();
    byte[] payload = receive(ByteBuffer.wrap(receive(4)).getInt());
    int error = type == Wire.CHUNK_ERROR ? Wire.i32(MemorySegment.ofArray(payload), 0) : 0;
    return new Reply(true, flags, type, error, cookie, payload);
  }

  /** Reads the chunks of one reply. */
  List<Reply> replies() throws IOException {
    List<Reply> replies = new ArrayList<>();
    do {
      replies.add(reply(0));
    } while (!replies.getLast().isLast());
    return replies;
  }

  /** Sends a request and returns the error of its reply. */
  int ask(int command, int flags, long offset, int length, byte[]... payload) throws IOException {
    send(request(command, flags, 7, offset, length), join(payload));
    List<Reply> replies = replies();
    return replies.getLast().error();
  }

  /** Whether the connection still answers. */
  boolean answers() throws IOException {
    return ask(Wire.FLUSH, 0, 0, 0) == 0;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
