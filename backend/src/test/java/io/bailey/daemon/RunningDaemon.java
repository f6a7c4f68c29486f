package io.bailey.daemon;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.Json;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** A daemon in this process on directories of its own, and a client of its control socket. */
final class RunningDaemon implements AutoCloseable {
  final Path directory;
  final BaileyDaemon daemon;
  private final Vertx vertx =
      Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1).setPreferNativeTransport(true));
  private final HttpClient client = vertx.createHttpClient();

  private RunningDaemon(Path directory, BaileyDaemon daemon) {
    this.directory = directory;
    this.daemon = daemon;
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

  record Answer(int status, String contentType, String body) {
    JsonObject object() {
      return new JsonObject(body);
    }

    JsonArray array() {
      return new JsonArray(body);
    }

    Object json() {
      return Json.decodeValue(body);
    }
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
    return ask(
        new RequestOptions()
            .setHost("localhost")
            .setServer(SocketAddress.domainSocketAddress(daemon.controlSocket().toString()))
            .setMethod(method)
            .setURI(path),
        body);
  }

  Answer ask(RequestOptions options, String body) {
    // All of it on one event loop: a body that comes before somebody waits for it is lost.
    Promise<Answer> answer = Promise.promise();
    vertx.runOnContext(start -> send(options, body).onComplete(answer::handle));
    return answer.future().toCompletionStage().toCompletableFuture().join();
  }

  private Future<Answer> send(RequestOptions options, String body) {
    return client
        .request(options)
        .compose(request -> request.send(Buffer.buffer(body)))
        .compose(
            response ->
                response
                    .body()
                    .map(
                        bytes ->
                            new Answer(
                                response.statusCode(),
                                String.valueOf(response.getHeader("Content-Type")),
                                bytes.toString())));
  }

  @Override
  public void close() throws IOException {
    try {
      daemon.close();
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
      clean(directory);
    }
  }

  /** Removes what daemons on these directories left, also in shared memory. */
  static void clean(Path directory) throws IOException {
    Path memory = Path.of("/dev/shm", MemoryDirectory.nameOf(options(directory).store()));
    if (Files.exists(memory)) {
      deleteTree(memory);
    }
    deleteTree(directory);
  }

  static void deleteTree(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
