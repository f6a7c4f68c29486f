package io.bailey.nbd;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** A client's and a server's end of one Unix socket. */
record SocketPair(SocketChannel client, SocketChannel server) implements AutoCloseable {
  /**
   * @param directory where the socket's file goes
   */
  static SocketPair open(Path directory) throws IOException {
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("s"));
    try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listener.bind(address);
      return new SocketPair(SocketChannel.open(address), listener.accept());
    }
  }

  @Override
  public void close() throws IOException {
    try (client) {
      server.close();
    }
  }
}
