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
import java.nio.file.Path;

/** Asks a daemon on its control socket, whichever process that one runs in. */
final class ControlClient implements AutoCloseable {
  private final Path socket;
  private final Vertx vertx =
      Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1).setPreferNativeTransport(true));
  private final HttpClient client = vertx.createHttpClient();

  ControlClient(Path socket) {
    this.socket = socket;
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

  Answer ask(HttpMethod method, String path, String body) {
    return ask(
        new RequestOptions()
            .setHost("localhost")
            .setServer(SocketAddress.domainSocketAddress(socket.toString()))
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
  public void close() {
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }
}
