package io.bailey.vm;

import io.bailey.daemon.ApiReply;
import io.bailey.io.StorageException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * GET of a VM's console log, and of what is added to it for those who follow. A virtual thread
 * reads the file and waits for each piece to be sent before it reads the next, so that a slow
 * client holds one piece of memory.
 */
final class LogRoute {
  static final int MAX_READERS = 64;
  private static final int PIECE_BYTES = 1 << 16;
  private static final int SEND_TIMEOUT_SECONDS = 60;
  private static final long FOLLOW_POLL_MILLIS = 100;

  private final Vertx vertx;
  private final VmSupervisor vms;
  private final Semaphore readers = new Semaphore(MAX_READERS);
  private volatile boolean stopped;

  LogRoute(Vertx vertx, VmSupervisor vms) {
    this.vertx = vertx;
    this.vms = vms;
  }

  /** Those who follow get their end. */
  void stop() {
    stopped = true;
  }

  /** Takes a request; on its event loop. */
  void handle(RoutingContext routing) {
    HttpServerResponse response = routing.response();
    String name = routing.pathParam("vm");
    boolean follow = Boolean.parseBoolean(routing.queryParams().get("follow"));
    ConsoleLog log;
    try {
      log = vms.console(name);
      if (!readers.tryAcquire()) {
        throw new StorageException(
            StorageException.Kind.CLOSED, MAX_READERS + " logs are being read already: try again");
      }
    } catch (StorageException e) {
      ApiReply reply = ApiReply.error(e);
      response
          .setStatusCode(reply.status())
          .putHeader("Content-Type", "application/json")
          .end(reply.body());
      return;
    }
    response.setChunked(true).putHeader("Content-Type", "text/plain; charset=utf-8");
    Context loop = vertx.getOrCreateContext();
    CompletableFuture<Void> gone = new CompletableFuture<>();
    response.closeHandler(v -> gone.complete(null));
    response.exceptionHandler(e -> gone.complete(null));
    Thread.ofVirtual()
        .name("log-" + name)
        .start(() -> copy(name, log, follow, response, loop, gone));
  }

  private void copy(
      String name,
      ConsoleLog log,
      boolean follow,
      HttpServerResponse response,
      Context loop,
      CompletableFuture<Void> gone) {
    try {
      ByteArrayOutputStream older = new ByteArrayOutputStream();
      log.copyOlder(older);
      send(older.toByteArray(), response, loop);
      long at = 0;
      while (!gone.isDone() && !stopped) {
        // Asked before the file is read: what an ended VM printed is all there.
        boolean last = !follow || vms.ended(name);
        if (log.size() < at) {
          at = 0; // its content moved to the older part
        }
        byte[] piece = log.read(at, PIECE_BYTES);
        if (piece.length > 0) {
          send(piece, response, loop);
          at += piece.length;
        } else if (last) {
          break;
        } else {
          await(gone);
        }
      }
    } catch (IOException e) {
      gone.complete(null); // the client is away, or takes nothing: what it has is all it gets
    } finally {
      readers.release();
      loop.runOnContext(
          v -> {
            if (!response.ended() && !response.closed()) {
              var _ = response.end();
            }
          });
    }
  }

  private static void await(CompletableFuture<Void> gone) throws IOException {
    try {
      gone.get(FOLLOW_POLL_MILLIS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return;
    } catch (ExecutionException | InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void send(byte[] bytes, HttpServerResponse response, Context loop)
      throws IOException {
    if (bytes.length == 0) {
      return;
    }
    CompletableFuture<Void> sent = new CompletableFuture<>();
    loop.runOnContext(
        v -> {
          Future<Void> write = response.write(Buffer.buffer(bytes));
          write.onSuccess(sent::complete).onFailure(sent::completeExceptionally);
        });
    try {
      sent.get(SEND_TIMEOUT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | InterruptedException | TimeoutException e) {
      throw new IOException("the client of a log takes nothing: " + e.getMessage(), e);
    }
  }
}
