package io.bailey.bench;

import java.io.IOException;
import java.nio.file.Path;

/** A disk that a process serves over NBD, asked from this process. */
final class ServedTarget implements Target {
  private final Provider server;
  private final NbdDisk disk;
  private final RoundRun rounds;

  /** Connects; closes the server when closed, and also if connecting fails. */
  ServedTarget(Provider server, Path socket, String export, int depth, long size, RoundRun rounds)
      throws IOException {
    this.server = server;
    this.rounds = rounds;
    boolean connected = false;
    try {
      disk = NbdDisk.connect(socket, export, depth);
      if (disk.size() < size) {
        disk.close();
        throw new IOException("the export has " + disk.size() + " bytes, not " + size);
      }
      connected = true;
    } finally {
      if (!connected) {
        server.close();
      }
    }
  }

  @Override
  public RoundRun.Times round(int round, RoundRun.Listener listener) throws IOException {
    return rounds.run(disk, round, listener);
  }

  @Override
  public void settle() throws IOException {
    server.settle();
  }

  @Override
  public Usage usage() throws IOException {
    return server.usage();
  }

  @Override
  public void close() throws IOException {
    try (server) {
      disk.close();
    }
  }
}
