package io.bailey.nbd;

import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** PLACEHOLDER. */
public final class NbdExport {
  private final String name;
  private final Path socket;
  private final ServerSocketChannel channel;

  NbdExport(String name, Path socket, ServerSocketChannel channel) {
    this.name = name;
    this.socket = socket;
    this.channel = channel;
  }

  public String name() {
    return name;
  }

  public Path socket() {
    return socket;
  }

  public void stop(Duration grace) throws IOException {
    channel.close();
    Files.deleteIfExists(socket);
  }

  public ExportStats stats() {
    return new ExportStats();
  }

  public int connections() {
    return 0;
  }
}
