package io.bailey.daemon;

import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.socket.nio.NioChannelOption;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.impl.HttpServerConnection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jdk.net.ExtendedSocketOptions;
import jdk.net.UnixDomainPrincipal;

/** Who may use the control socket, whatever rights its file has: this process's user, and root. */
final class ControlPeer {
  private static final Path SELF = Path.of("/proc/self");

  private ControlPeer() {}

  /** Whether the kernel says that the process at the other end is one of those. */
  static boolean isTrusted(HttpConnection connection) {
    if (!(connection instanceof HttpServerConnection served)) {
      return false;
    }
    Channel channel = served.channelHandlerContext().channel();
    try {
      if (channel instanceof EpollDomainSocketChannel epoll) {
        int uid = epoll.peerCredentials().uid();
        return uid == 0 || uid == (int) Files.getAttribute(SELF, "unix:uid");
      }
      UnixDomainPrincipal peer =
          channel.config().getOption(NioChannelOption.of(ExtendedSocketOptions.SO_PEERCRED));
      return peer != null
          && (peer.user().getName().equals("root") || peer.user().equals(Files.getOwner(SELF)));
    } catch (IOException e) {
      return false;
    }
  }
}
