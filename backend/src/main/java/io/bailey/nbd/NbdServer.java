package io.bailey.nbd;

import io.bailey.volume.BlockDevice;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;

/** PLACEHOLDER. */
public final class NbdServer implements AutoCloseable {
  /** PLACEHOLDER. */
  public NbdExport serve(String name, String description, BlockDevice device, Path socket)
      throws IOException {
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    channel.bind(UnixDomainSocketAddress.of(socket));
    return new NbdExport(name, socket, channel);
  }

  @Override
  public void close() {}
}
