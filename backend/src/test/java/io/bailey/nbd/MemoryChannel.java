package io.bailey.nbd;

import java.io.ByteArrayOutputStream;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.util.Set;

/** A client in memory: what it sends is there, in pieces of some size, and it takes all replies. */
class MemoryChannel extends SocketChannel {
  private final ByteBuffer in;
  private final int pieceBytes;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  MemoryChannel(byte[] in, int pieceBytes) {
    super(SelectorProvider.provider());
    this.in = ByteBuffer.wrap(in);
    this.pieceBytes = pieceBytes;
  }

  /** How much was read of what the client sent. */
  int taken() {
    return in.position();
  }

  /** What was written to the client so far. */
  byte[] written() {
    synchronized (out) {
      return out.toByteArray();
    }
  }

  @Override
  public int read(ByteBuffer dst) {
    int count = Math.min(Math.min(pieceBytes, dst.remaining()), in.remaining());
    dst.put(in.slice(in.position(), count));
    in.position(in.position() + count);
    return count == 0 ? -1 : count;
  }

  @Override
  public int write(ByteBuffer src) {
    byte[] bytes = new byte[src.remaining()];
    src.get(bytes);
    synchronized (out) {
      out.writeBytes(bytes);
    }
    return bytes.length;
  }

  @Override
  public long write(ByteBuffer[] srcs, int offset, int length) {
    long count = 0;
    for (int i = offset; i < offset + length; i++) {
      count += write(srcs[i]);
    }
    return count;
  }

  @Override
  public long read(ByteBuffer[] dsts, int offset, int length) {
    return read(dsts[offset]);
  }

  @Override
  protected void implCloseSelectableChannel() {}

  @Override
  protected void implConfigureBlocking(boolean block) {}

  @Override
  public SocketChannel bind(SocketAddress local) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> SocketChannel setOption(SocketOption<T> name, T value) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> T getOption(SocketOption<T> name) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Set<SocketOption<?>> supportedOptions() {
    return Set.of();
  }

  @Override
  public SocketChannel shutdownInput() {
    return this;
  }

  @Override
  public SocketChannel shutdownOutput() {
    return this;
  }

  @Override
  public Socket socket() {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isConnected() {
    return true;
  }

  @Override
  public boolean isConnectionPending() {
    return false;
  }

  @Override
  public boolean connect(SocketAddress remote) {
    return true;
  }

  @Override
  public boolean finishConnect() {
    return true;
  }

  @Override
  public SocketAddress getRemoteAddress() {
    throw new UnsupportedOperationException();
  }

  @Override
  public SocketAddress getLocalAddress() {
    throw new UnsupportedOperationException();
  }
}
