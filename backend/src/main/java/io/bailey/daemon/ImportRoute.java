package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.bailey.volume.DiskSource;
import io.bailey.volume.Image;
import io.bailey.volume.ImageName;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * POST /v1/images: reads a disk in and tells how far it is, a JSON object a line.
 *
 * <p>An import reads, compresses and seals for as long as its disk is, so it has a platform thread:
 * on a virtual one it would hold a carrier that others need. It is cancelled by failing the next
 * read of its source, which leaves the store as any other read error does: without a trace.
 */
final class ImportRoute {
  private static final System.Logger LOG = System.getLogger(ImportRoute.class.getName());

  /** Most imports at one time; each compresses and encrypts as fast as it can. */
  static final int IMPORTS_LIMIT = 4;

  private static final long LINE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Vertx vertx;
  private final StorageHost storage;
  private final Opener opener;

  /** Guarded by itself, and {@link #stopping} with it. */
  private final Map<Session, Thread> running = new HashMap<>();

  private boolean stopping;

  ImportRoute(Vertx vertx, StorageHost storage, Opener opener) {
    this.vertx = vertx;
    this.storage = storage;
    this.opener = opener;
  }

  /** Opens what a client named; its failures are told before anything is imported. */
  @FunctionalInterface
  interface Opener {
    DiskSource open(Path path) throws IOException;
  }

  /** Takes a request; on its event loop. */
  void handle(RoutingContext routing) {
    Session session =
        new Session(vertx.getOrCreateContext(), routing.response(), new ApiRequest(routing));
    routing.response().closeHandler(gone -> session.cancel("the client went away"));
    routing.response().exceptionHandler(e -> session.cancel("the client went away"));
    synchronized (running) {
      if (stopping || running.size() >= IMPORTS_LIMIT) {
        ApiReply.error(refusal()).send(routing.response());
        return;
      }
      running.put(session, Thread.ofPlatform().name("import").start(session));
    }
  }

  /** Cancels what runs and returns when it has ended. */
  void stop() throws InterruptedException {
    List<Thread> threads;
    synchronized (running) {
      stopping = true;
      running.keySet().forEach(session -> session.cancel("the daemon is stopping"));
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
            IMPORTS_LIMIT + " imports run already: try again when one has ended");
  }

  /** One import, run by a thread of its own; any thread may cancel it. */
  private final class Session implements Runnable {
    private final Context loop;
    private final HttpServerResponse response;
    private final ApiRequest request;
    private volatile @Nullable String cancelled;
    private boolean begun;
    private long nextLineNanos;

    Session(Context loop, HttpServerResponse response, ApiRequest request) {
      this.loop = loop;
      this.response = response;
      this.request = request;
    }

    void cancel(String reason) {
      if (cancelled == null) {
        cancelled = reason;
      }
    }

    @Override
    public void run() {
      try {
        RequestBody body = request.body("name", "path");
        ImageName name = ImageName.parse(body.string("name"));
        Path path = absolute(body.string("path"));
        if (storage.image(name).isPresent()) {
          throw StorageHost.imageExists(name);
        }
        try (DiskSource source = new Cancellable(opener.open(path))) {
          finish(read(name, path, source));
        }
      } catch (Throwable e) {
        // Errors too: a client must not wait for ever for its last line.
        fail(e);
      } finally {
        synchronized (running) {
          running.remove(this);
        }
      }
    }

    private Image read(ImageName name, Path path, DiskSource source) throws IOException {
      LOG.log(Level.INFO, "importing " + path + " as " + name + ", " + source.size() + " bytes");
      begin();
      line(new JsonObject().put("done", 0L).put("total", source.size()));
      nextLineNanos = System.nanoTime() + LINE_NANOS;
      Image image = storage.importImage(name, source, this::progress);
      if (cancelled != null) {
        storage.removeImage(name);
        throw cancellation();
      }
      LOG.log(
          Level.INFO,
          "imported " + name + ": " + image.size() + " bytes in " + image.storedBytes());
      return image;
    }

    private void progress(long done, long total) {
      long now = System.nanoTime();
      if (now - nextLineNanos >= 0) {
        nextLineNanos = now + LINE_NANOS;
        line(new JsonObject().put("done", done).put("total", total));
      }
    }

    private void finish(Image image) {
      last(new JsonObject().put("image", ApiJson.of(image)));
    }

    private void fail(Throwable failure) {
      String reason = cancelled;
      if (reason != null) {
        LOG.log(Level.INFO, "import cancelled: " + reason);
      }
      if (begun) {
        last(ApiReply.errorJson(failure));
      } else {
        ApiReply reply = ApiReply.error(failure);
        loop.runOnContext(v -> reply.send(response));
      }
    }

    private void begin() {
      begun = true;
      loop.runOnContext(
          v -> response.setChunked(true).putHeader("Content-Type", "application/x-ndjson"));
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

    private StorageException cancellation() {
      return new StorageException(
          StorageException.Kind.CLOSED, "the import was cancelled: " + cancelled);
    }

    private void checkCancelled() throws StorageException {
      if (cancelled != null) {
        throw cancellation();
      }
    }

    private static Path absolute(String text) throws StorageException {
      try {
        Path path = Path.of(text);
        if (path.isAbsolute()) {
          return path;
        }
      } catch (InvalidPathException e) {
        throw new StorageException(
            StorageException.Kind.INVALID, "field 'path' is not a path: " + e.getReason(), e);
      }
      throw new StorageException(
          StorageException.Kind.INVALID,
          "field 'path' must be absolute: the daemon doesn't know the client's directory");
    }

    /** A source that fails once nobody wants it any more. */
    private final class Cancellable implements DiskSource {
      private final DiskSource source;

      Cancellable(DiskSource source) {
        this.source = source;
      }

      @Override
      public long size() {
        return source.size();
      }

      @Override
      public long nextData(long offset) throws IOException {
        checkCancelled();
        return source.nextData(offset);
      }

      @Override
      public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
        checkCancelled();
        source.read(offset, dst, dstOffset, length);
      }

      @Override
      public void close() throws IOException {
        source.close();
      }
    }
  }
}
