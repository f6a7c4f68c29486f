package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A route whose work takes long and tells how far it is, a JSON object a line.
 *
 * <p>The work reads, hashes or seals for as long as a disk is, so it has a platform thread: on a
 * virtual one it would hold a carrier that others need. It is cancelled when its client goes or the
 * daemon stops, and must ask now and then whether it is.
 */
final class ProgressRoute {
  private static final System.Logger LOG = System.getLogger(ProgressRoute.class.getName());
  private static final long LINE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Vertx vertx;
  private final String what;
  private final int limit;
  private final Work work;

  /** Guarded by itself, and {@link #stopping} with it. */
  private final Map<Task, Thread> running = new HashMap<>();

  private boolean stopping;

  /**
   * A route.
   *
   * @param what its work is called in messages, such as {@code import}
   * @param limit most requests that are worked on at one time; more are turned away
   */
  ProgressRoute(Vertx vertx, String what, int limit, Work work) {
    this.vertx = vertx;
    this.what = what;
    this.limit = limit;
    this.work = work;
  }

  /** Does the work of a request. */
  @FunctionalInterface
  interface Work {
    /** Returns the last line. What is thrown before {@link Task#begin} has a status of its own. */
    JsonObject run(ApiRequest request, Task task) throws IOException;
  }

  /** Takes a request; on its event loop. */
  void handle(RoutingContext routing) {
    Task task = new Task(vertx.getOrCreateContext(), routing.response(), new ApiRequest(routing));
    routing.response().closeHandler(gone -> task.cancel("the client went away"));
    routing.response().exceptionHandler(e -> task.cancel("the client went away"));
    synchronized (running) {
      if (stopping || running.size() >= limit) {
        ApiReply.error(refusal()).send(routing.response());
        return;
      }
      running.put(task, Thread.ofPlatform().name(what).start(task));
    }
  }

  /** Cancels what runs and returns when it has ended. */
  void stop() throws InterruptedException {
    List<Thread> threads;
    synchronized (running) {
      stopping = true;
      running.keySet().forEach(task -> task.cancel("the daemon is stopping"));
      threads = List.copyOf(running.values());
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private StorageException refusal() {
    return stopping
        ? new StorageException(
            StorageException.Kind.CLOSED, "the daemon is stopping: start it again first")
        : new StorageException(
            StorageException.Kind.IN_USE,
            (limit == 1 ? "a " + what + " runs" : limit + " " + what + "s run")
                + " already: try again when one has ended");
  }

  /** The work of one request, on a thread of its own; any thread may cancel it. */
  final class Task implements Runnable {
    private final Context loop;
    private final HttpServerResponse response;
    private final ApiRequest request;
    private volatile @Nullable String cancelled;
    private volatile Runnable atCancel = () -> {};
    private boolean begun;
    private long nextLineNanos;

    private Task(Context loop, HttpServerResponse response, ApiRequest request) {
      this.loop = loop;
      this.response = response;
      this.request = request;
    }

    private void cancel(String reason) {
      if (cancelled == null) {
        cancelled = reason;
      }
      atCancel.run();
    }

    /**
     * Has something done once the task is cancelled, which ends what it waits for. It may be done
     * more than once and on an event loop, so it doesn't wait itself.
     */
    void atCancel(Runnable ending) {
      atCancel = ending;
      if (isCancelled()) {
        ending.run();
      }
    }

    boolean isCancelled() {
      return cancelled != null;
    }

    StorageException cancellation() {
      return new StorageException(
          StorageException.Kind.CLOSED, "the " + what + " was cancelled: " + cancelled);
    }

    void failIfCancelled() throws StorageException {
      if (isCancelled()) {
        throw cancellation();
      }
    }

    @Override
    public void run() {
      Runnable answer;
      try {
        JsonObject result = work.run(request, this);
        answer = () -> last(result);
      } catch (Throwable e) {
        // Errors too: a client must not wait for ever for its last line.
        answer = () -> fail(e);
      }
      // Before the answer, after which the client may ask again.
      synchronized (running) {
        running.remove(this);
      }
      answer.run();
    }

    /** From now on the answer is lines; the first says that nothing is done yet. */
    void begin(long total) {
      begun = true;
      loop.runOnContext(
          v -> response.setChunked(true).putHeader("Content-Type", "application/x-ndjson"));
      line(new JsonObject().put("done", 0L).put("total", total));
      nextLineNanos = System.nanoTime() + LINE_NANOS;
    }

    /** Tells how far it is, a few times a second. */
    void progress(long done, long total) {
      if (!begun) {
        begin(total);
      }
      long now = System.nanoTime();
      if (now - nextLineNanos >= 0) {
        nextLineNanos = now + LINE_NANOS;
        line(new JsonObject().put("done", done).put("total", total));
      }
    }

    private void fail(Throwable failure) {
      if (isCancelled()) {
        LOG.log(Level.INFO, what + " cancelled: " + cancelled);
      }
      Throwable told = isCancelled() ? cancellation() : failure;
      if (begun) {
        last(ApiReply.errorJson(told));
      } else {
        ApiReply reply = ApiReply.error(told);
        loop.runOnContext(v -> reply.send(response));
      }
    }

    /** Sends a line of progress, which a client that doesn't read goes without. */
    private void line(JsonObject json) {
      loop.runOnContext(
          v -> {
            if (!response.closed() && !response.writeQueueFull()) {
              response.write(json.encode() + "\n");
            }
          });
    }

    private void last(JsonObject json) {
      loop.runOnContext(
          v -> {
            if (!response.closed()) {
              response.end(json.encode() + "\n");
            }
          });
    }
  }
}
