package io.bailey.remote;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;

/**
 * An nginx of the test's own on a loopback port, with what is under {@code files}, and beside it
 * {@code /moved/} (redirects), {@code /slow/} (stops after 1 KiB) and {@code /coded/}.
 */
public final class Nginx implements AutoCloseable {
  private final Process process;
  private final int port;

  public Nginx(Path directory, Path files) throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Path config = directory.resolve("nginx.conf");
    Files.createDirectories(directory);
    Files.writeString(
        config,
        """
        daemon off;
        master_process off;
        pid DIR/pid;
        events {}
        http {
          access_log off;
          default_type application/octet-stream;
          client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fast;
          uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
          server {
            listen 127.0.0.1:PORT;
            root FILES;
            location ~ ^/moved/(.*)$ { return 302 http://127.0.0.1:PORT/$1; }
            location /slow/ { alias FILES/; limit_rate_after 1k; limit_rate 1; }
            location /coded/ { alias FILES/; add_header Content-Encoding gzip; }
          }
        }
        """
            .replace("DIR", directory.toString())
            .replace("FILES", files.toString())
            .replace("PORT", String.valueOf(port)));
    process =
        new ProcessBuilder("nginx", "-c", config.toString(), "-e", directory.resolve("log") + "")
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("out").toFile())
            .start();
    Awaitility.await().atMost(Duration.ofSeconds(20)).until(this::answers);
  }

  private boolean answers() throws IOException {
    if (!process.isAlive()) {
      throw new IOException("nginx ended with " + process.exitValue());
    }
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** A URL on the server. */
  public String url(String path) {
    return "http://127.0.0.1:" + port + path;
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }
}
