package io.bailey.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A client of an NBD export on a Unix socket that keeps up to {@code depth} requests in flight.
 * Requests gather in a buffer until the depth is reached and then leave together.
 *
 * <p>No dead-lock: writes have small replies and reads small requests, which fit into the socket's
 * buffers; the two are never in flight together. Writes that overlap are never in flight together
 * either, so what the disk holds afterwards is certain.
 */
final class NbdDisk implements Disk {
  private static final long NBD_MAGIC = 0x4e42444d41474943L;
  private static final long OPTION_MAGIC = 0x49484156454f5054L;
  private static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
  private static final int REQUEST_MAGIC = 0x25609513;
  private static final int REPLY_MAGIC = 0x67446698;
  private static final int FIXED_NEWSTYLE_NO_ZEROES = 3;
  private static final int OPTION_GO = 7;
  private static final int REPLY_ACK = 1;
  private static final int REPLY_INFO = 3;
  private static final int INFO_EXPORT = 0;
  private static final int READ = 0;
  private static final int WRITE = 1;
  private static final int DISCONNECT = 2;
  private static final int FLUSH = 3;
  private static final int REQUEST_BYTES = 28;
  private static final int REPLY_BYTES = 16;
  private static final int MAX_DATA_BYTES = Workload.MAX_BLOCKS * Pattern.BLOCK_BYTES;

  private final SocketChannel channel;
  private final ByteBuffer out;
  private final ByteBuffer in;
  private final Slot[] slots;
  private final int[] free;
  private final byte[] data = new byte[MAX_DATA_BYTES];
  private int freeCount;
  private long size;

  private static final class Slot {
    int type;
    long offset;
    int length;
    boolean busy;
    @Nullable Receiver receiver;
  }

  private NbdDisk(SocketChannel channel, int depth) {
    this.channel = channel;
    out = ByteBuffer.allocateDirect(depth * (REQUEST_BYTES + MAX_DATA_BYTES));
    in = ByteBuffer.allocateDirect(depth * (REPLY_BYTES + MAX_DATA_BYTES));
    in.limit(0);
    slots = new Slot[depth];
    free = new int[depth];
    for (int i = 0; i < depth; i++) {
      slots[i] = new Slot();
      free[freeCount++] = i;
    }
  }

  /** Connects and chooses an export. */
  static NbdDisk connect(Path socket, String export, int depth) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      NbdDisk disk = new NbdDisk(channel, depth);
      disk.choose(export);
      return disk;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Bytes. */
  long size() {
    return size;
  }

  private void choose(String export) throws IOException {
    ByteBuffer hello = receive(18);
    if (hello.getLong() != NBD_MAGIC || hello.getLong() != OPTION_MAGIC) {
      throw new IOException("the server doesn't speak NBD's newstyle");
    }
    byte[] name = export.getBytes(StandardCharsets.UTF_8);
    out.putInt(FIXED_NEWSTYLE_NO_ZEROES);
    out.putLong(OPTION_MAGIC).putInt(OPTION_GO).putInt(4 + name.length + 2);
    out.putInt(name.length).put(name).putShort((short) 0);
    send();
    while (true) {
      ByteBuffer reply = receive(20);
      if (reply.getLong() != OPTION_REPLY_MAGIC || reply.getInt() != OPTION_GO) {
        throw new IOException("the server answered another option than was asked for");
      }
      int type = reply.getInt();
      ByteBuffer body = receive(reply.getInt());
      if (type == REPLY_ACK) {
        return;
      }
      if (type != REPLY_INFO) {
        throw new IOException(
            "the server refuses export '" + export + "': reply " + Integer.toHexString(type));
      }
      if (body.getShort() == INFO_EXPORT) {
        size = body.getLong();
      }
    }
  }

  /** Receives exactly so many bytes of the handshake. */
  private ByteBuffer receive(int length) throws IOException {
    if (length < 0 || length > 4096) {
      throw new IOException("the server sends " + length + " bytes in its handshake");
    }
    ByteBuffer buffer = ByteBuffer.allocate(length);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new EOFException("the server closed the connection");
      }
    }
    return buffer.flip();
  }

  @Override
  public void write(long offset, byte[] bytes, int length) throws IOException {
    if (overlapsAny(offset, length)) {
      drain();
    }
    begin(WRITE, offset, length, null);
    out.put(bytes, 0, length);
    sendIfFull();
  }

  @Override
  public void read(long offset, int length, Receiver receiver) throws IOException {
    begin(READ, offset, length, receiver);
    sendIfFull();
  }

  @Override
  public void flush() throws IOException {
    drain();
    begin(FLUSH, 0, 0, null);
    drain();
  }

  /** Sends a flush without waiting for what is in flight, nor for its answer. */
  void flushLater() throws IOException {
    begin(FLUSH, 0, 0, null);
    sendIfFull();
  }

  private boolean overlapsAny(long offset, int length) {
    for (Slot slot : slots) {
      if (slot.busy && offset < slot.offset + slot.length && slot.offset < offset + length) {
        return true;
      }
    }
    return false;
  }

  private void begin(int type, long offset, int length, @Nullable Receiver receiver) {
    int cookie = free[--freeCount];
    Slot slot = slots[cookie];
    slot.type = type;
    slot.offset = offset;
    slot.length = length;
    slot.receiver = receiver;
    slot.busy = true;
    out.putInt(REQUEST_MAGIC).putShort((short) 0).putShort((short) type);
    out.putLong(cookie).putLong(offset).putInt(length);
  }

  private void sendIfFull() throws IOException {
    if (freeCount == 0) {
      send();
      takeReplies();
    }
  }

  private void send() throws IOException {
    out.flip();
    while (out.hasRemaining()) {
      channel.write(out);
    }
    out.clear();
  }

  @Override
  public void drain() throws IOException {
    send();
    while (freeCount < slots.length) {
      takeReplies();
    }
  }

  /** Waits for at least one reply, and takes all that are there. */
  private void takeReplies() throws IOException {
    int before = freeCount;
    while (freeCount == before) {
      in.compact();
      int n = channel.read(in);
      in.flip();
      if (n < 0) {
        throw new EOFException("the server closed the connection");
      }
      while (takeReply()) {
        // The next one may have come with it.
      }
    }
  }

  private boolean takeReply() throws IOException {
    if (in.remaining() < REPLY_BYTES) {
      return false;
    }
    int at = in.position();
    long cookie = in.getLong(at + 8);
    if (in.getInt(at) != REPLY_MAGIC
        || cookie < 0
        || cookie >= slots.length
        || !slots[(int) cookie].busy) {
      throw new IOException("the server sent something that is no reply to a request");
    }
    Slot slot = slots[(int) cookie];
    int error = in.getInt(at + 4);
    if (error != 0) {
      throw new IOException(
          "the server answered error "
              + error
              + " to a request of type "
              + slot.type
              + " at offset "
              + slot.offset);
    }
    int length = slot.type == READ ? slot.length : 0;
    if (in.remaining() < REPLY_BYTES + length) {
      return false;
    }
    in.position(at + REPLY_BYTES);
    Receiver receiver = slot.receiver;
    if (receiver != null) {
      in.get(data, 0, length);
      receiver.received(slot.offset, data, 0, length);
    }
    slot.busy = false;
    slot.receiver = null;
    free[freeCount++] = (int) cookie;
    return true;
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      out.clear();
      out.putInt(REQUEST_MAGIC).putShort((short) 0).putShort((short) DISCONNECT);
      out.putLong(0).putLong(0).putInt(0);
      send();
    }
  }
}
