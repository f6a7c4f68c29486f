package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * The HTTP servers of the daemon: the control API on a Unix socket and, where asked for, {@code
 * /metrics} on loopback. Bodies, connections and headers are bounded; every error is JSON.
 */
final class ControlServer {
  /** Most clients at one time, on each of the two servers; more are cut off. */
  private static final int CONNECTIONS_LIMIT = 1024;

  private static final long BIND_SECONDS = 10;
  private static final long SHUTDOWN_SECONDS = 1;

  private final HttpServer server;
  private final Optional<Path> socket;

  private ControlServer(HttpServer server, Optional<Path> socket) {
    this.server = server;
    this.socket = socket;
  }

  /** A router that reads bodies and answers what no route does; routes are added by the caller. */
  static Router router(Vertx vertx) {
    Router router = Router.router(vertx);
    router.route().handler(BodyHandler.create(false).setBodyLimit(ApiRoutes.BODY_BYTES));
    router.errorHandler(
        400,
        routing ->
            plain(
                routing,
                400,
                StorageException.Kind.INVALID,
                "not a valid HTTP/1.1 request, which has a Host header"));
    router.errorHandler(
        404,
        routing ->
            plain(
                routing,
                404,
                StorageException.Kind.NOT_FOUND,
                "no such route, GET /v1/openapi.yaml lists them"));
    router.errorHandler(
        405,
        routing ->
            plain(
                routing,
                405,
                StorageException.Kind.INVALID,
                "not a method of this route, GET /v1/openapi.yaml lists them"));
    router.errorHandler(
        413,
        routing ->
            plain(
                routing,
                413,
                StorageException.Kind.INVALID,
                "the body is over " + ApiRoutes.BODY_BYTES + " bytes"));
    router.errorHandler(
        500,
        routing -> {
          Throwable failure = routing.failure();
          ApiReply.error(failure == null ? new IOException("unknown failure") : failure)
              .send(routing.response());
        });
    return router;
  }

  /**
   * Serves {@link ControlPeer}s on a Unix socket, which takes connections when this returns. Under
   * its name it is 0600 from the first: it is bound and given that mode in another directory.
   */
  static ControlServer onSocket(Vertx vertx, Router router, RunDirectory run) throws IOException {
    Path cradle = run.makeCradle();
    HttpServer server =
        listen(
            vertx,
            router,
            SocketAddress.domainSocketAddress(cradle.toString()),
            ControlPeer::isTrusted);
    Path socket = run.takeFromCradle(cradle);
    return new ControlServer(server, Optional.of(socket));
  }

  /** Serves on 127.0.0.1; port 0 takes any that is free. */
  static ControlServer onLoopback(Vertx vertx, Router router, int port) throws IOException {
    SocketAddress address = SocketAddress.inetSocketAddress(port, "127.0.0.1");
    return new ControlServer(listen(vertx, router, address, any -> true), Optional.empty());
  }

  int port() {
    return server.actualPort();
  }

  /** Takes no more connections, lets requests end for a second, then cuts off. */
  void stop() throws IOException {
    if (socket.isPresent()) {
      Files.deleteIfExists(socket.get());
    }
    await(server.shutdown(SHUTDOWN_SECONDS, TimeUnit.SECONDS), "stop serving");
  }

  static <T> T await(Future<T> future, String what) throws IOException {
    try {
      return future.toCompletionStage().toCompletableFuture().get(BIND_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new StorageException(
          StorageException.Kind.IO, "cannot " + what + ": " + cause.getMessage(), cause);
    } catch (TimeoutException e) {
      throw new StorageException(
          StorageException.Kind.IO, "cannot " + what + " within " + BIND_SECONDS + " s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException(StorageException.Kind.IO, "interrupted: " + what, e);
    }
  }

  private static HttpServer listen(
      Vertx vertx, Router router, SocketAddress address, Predicate<HttpConnection> trusted)
      throws IOException {
    AtomicInteger connections = new AtomicInteger();
    HttpServer server =
        vertx
            .createHttpServer(new HttpServerOptions().setHttp2ClearTextEnabled(false))
            .requestHandler(router)
            .connectionHandler(
                connection -> {
                  connection.closeHandler(gone -> connections.decrementAndGet());
                  if (connections.incrementAndGet() > CONNECTIONS_LIMIT
                      || !trusted.test(connection)) {
                    connection.close();
                  }
                });
    return await(server.listen(address), "serve on " + address);
  }

  private static void plain(
      RoutingContext routing, int status, StorageException.Kind kind, String what) {
    String request = routing.request().method() + " " + routing.request().path();
    ApiReply.error(status, kind, request + ": " + what).send(routing.response());
  }
}
