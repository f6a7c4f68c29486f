package io.bailey.daemon;

import io.bailey.daemon.ControlClient.Answer;
import io.bailey.volume.Store;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** A daemon in this process on directories of its own, and a client of its control socket. */
final class RunningDaemon implements AutoCloseable {
  final Path directory;
  final BaileyDaemon daemon;
  private final ControlClient client;

  private RunningDaemon(Path directory, BaileyDaemon daemon) {
    this.directory = directory;
    this.daemon = daemon;
    this.client = new ControlClient(daemon.controlSocket());
  }

  static RunningDaemon start(DaemonExtension... extensions) throws IOException {
    Path directory = Files.createTempDirectory("bailey-test");
    return new RunningDaemon(
        directory, BaileyDaemon.start(options(directory), List.of(extensions)));
  }

  static DaemonOptions options(Path directory) {
    return new DaemonOptions(
        directory.resolve("store"), directory.resolve("run"), 64 << 20, OptionalInt.of(0));
  }

  Answer get(String path) {
    return ask(HttpMethod.GET, path, "");
  }

  Answer post(String path, JsonObject body) {
    return ask(HttpMethod.POST, path, body.encode());
  }

  Answer delete(String path) {
    return ask(HttpMethod.DELETE, path, "");
  }

  Answer ask(HttpMethod method, String path, String body) {
    return client.ask(method, path, body);
  }

  Answer ask(RequestOptions options, String body) {
    return client.ask(options, body);
  }

  @Override
  public void close() throws IOException {
    try {
      daemon.close();
    } finally {
      client.close();
      clean(directory);
    }
  }

  /** Removes what daemons on these directories left, also in shared memory. */
  static void clean(Path directory) throws IOException {
    Path store = directory.toRealPath().resolve(options(directory).store().getFileName());
    for (Map.Entry<Path, Path> memory : MemoryDirectory.stores(MemoryDirectory.SHARED).entrySet()) {
      if (memory.getValue().equals(store)) {
        deleteTree(memory.getKey());
      }
    }
    deleteTree(directory);
  }

  /** Where a daemon on a store that is there has what outlives it but no power cut. */
  static Path memory(Path store) throws IOException {
    return MemoryDirectory.SHARED.resolve(MemoryDirectory.nameOf(store, Store.id(store)));
  }

  static void deleteTree(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
