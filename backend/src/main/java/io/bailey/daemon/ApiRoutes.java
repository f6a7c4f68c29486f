package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;

/**
 * Adds routes to the control API whose work may wait: each request is worked on by a virtual
 * thread, and only parsing and sending happen on the event loop. The daemon and its extensions use
 * the same one kind of route, so that bodies, errors and limits are the same everywhere.
 */
public final class ApiRoutes {
  /** Longest request body. */
  public static final int BODY_BYTES = 64 << 10;

  /** Most requests that are worked on at one time; more are turned away with 503. */
  static final int WORKING_LIMIT = 256;

  private final Vertx vertx;
  private final Router router;
  private final Semaphore places = new Semaphore(WORKING_LIMIT);

  public ApiRoutes(Vertx vertx, Router router) {
    this.vertx = vertx;
    this.router = router;
  }

  /** Answers a request; runs on a virtual thread, and its exceptions become error replies. */
  @FunctionalInterface
  public interface Work {
    ApiReply answer(ApiRequest request) throws IOException;
  }

  /** Answers GET; {@code path} in Vert.x's form, {@code /v1/things/:name}. */
  public ApiRoutes get(String path, Work work) {
    return add(HttpMethod.GET, path, work);
  }

  public ApiRoutes post(String path, Work work) {
    return add(HttpMethod.POST, path, work);
  }

  public ApiRoutes delete(String path, Work work) {
    return add(HttpMethod.DELETE, path, work);
  }

  /** All routes of a router as {@code "GET /v1/things/{name}"}, the way OpenAPI writes paths. */
  static Set<String> operations(Router router) {
    Set<String> found = new TreeSet<>();
    router
        .getRoutes()
        .forEach(
            route -> {
              if (route.getPath() != null && route.methods() != null) {
                String path = route.getPath().replaceAll(":([A-Za-z]+)", "{$1}");
                route.methods().forEach(method -> found.add(method.name() + " " + path));
              }
            });
    return found;
  }

  private ApiRoutes add(HttpMethod method, String path, Work work) {
    router.route(method, path).handler(routing -> work(routing, work));
    return this;
  }

  private void work(RoutingContext routing, Work work) {
    if (!places.tryAcquire()) {
      ApiReply.error(
              503,
              StorageException.Kind.CLOSED,
              WORKING_LIMIT + " requests are being worked on already: try again")
          .send(routing.response());
      return;
    }
    Context loop = vertx.getOrCreateContext();
    ApiRequest request = new ApiRequest(routing);
    Thread.ofVirtual()
        .name(routing.request().method() + " " + routing.normalizedPath())
        .start(
            () -> {
              ApiReply reply;
              try {
                reply = work.answer(request);
              } catch (Throwable e) {
                // Errors too: a client must not wait for ever for an answer.
                reply = ApiReply.error(e);
              } finally {
                places.release();
              }
              ApiReply answer = reply;
              loop.runOnContext(done -> answer.send(routing.response()));
            });
  }
}
