package io.bailey.nbd;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ThreadFactory;

/** A disk on a server of its own, in a temporary directory that goes with it. */
final class ServedDisk implements AutoCloseable {
  static final String NAME = "disk";

  private final Path directory;
  private final NbdServer server;
  private final NbdExport export;
  private final MemoryDisk disk;

  ServedDisk(MemoryDisk disk) throws IOException {
    this(disk, Duration.ofSeconds(10));
  }

  ServedDisk(MemoryDisk disk, Duration handshakeTime) throws IOException {
    this(disk, handshakeTime, NbdServer.readers());
  }

  ServedDisk(MemoryDisk disk, Duration handshakeTime, ThreadFactory readers) throws IOException {
    this.disk = disk;
    this.directory = Files.createTempDirectory("nbd");
    this.server = new NbdServer(handshakeTime, readers);
    this.export = server.serve(NAME, "a test", disk, directory.resolve("d/nbd.sock"));
  }

  MemoryDisk disk() {
    return disk;
  }

  NbdServer server() {
    return server;
  }

  NbdExport export() {
    return export;
  }

  Path directory() {
    return directory;
  }

  Path socket() {
    return export.socket();
  }

  String uri() {
    return "nbd+unix:///" + NAME + "?socket=" + socket();
  }

  RawClient simple() throws IOException {
    return RawClient.simple(socket(), NAME);
  }

  RawClient structured() throws IOException {
    return RawClient.structured(socket(), NAME);
  }

  @Override
  public void close() throws IOException {
    disk.release();
    server.close();
    Files.deleteIfExists(socket());
    Files.deleteIfExists(directory.resolve("d"));
    Files.deleteIfExists(directory);
  }
}
