package io.bailey.daemon;

import io.bailey.daemon.ProgressRoute.Task;
import io.bailey.io.StorageException;
import io.bailey.volume.DiskSource;
import io.bailey.volume.Image;
import io.bailey.volume.ImageName;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * POST /v1/images: reads a disk in. It is cancelled by failing the next read of its source, which
 * leaves the store as any other read error does: without a trace.
 */
final class ImportRoute {
  private static final System.Logger LOG = System.getLogger(ImportRoute.class.getName());

  /** Most imports at one time; each compresses and encrypts as fast as it can. */
  static final int IMPORTS_LIMIT = 4;

  private final StorageHost storage;
  private final Opener opener;
  private final ProgressRoute route;

  ImportRoute(Vertx vertx, StorageHost storage, Opener opener) {
    this.storage = storage;
    this.opener = opener;
    this.route = new ProgressRoute(vertx, "import", IMPORTS_LIMIT, this::run);
  }

  /** Opens what a client named; its failures are told before anything is imported. */
  @FunctionalInterface
  interface Opener {
    DiskSource open(Path path) throws IOException;
  }

  /** Takes a request; on its event loop. */
  void handle(RoutingContext routing) {
    route.handle(routing);
  }

  /** Cancels what runs and returns when it has ended. */
  void stop() throws InterruptedException {
    route.stop();
  }

  private JsonObject run(ApiRequest request, Task task) throws IOException {
    RequestBody body = request.body("name", "path");
    ImageName name = ImageName.parse(body.string("name"));
    Path path = absolute(body.string("path"));
    if (storage.image(name).isPresent()) {
      throw StorageHost.imageExists(name);
    }
    try (DiskSource source = new Cancellable(opener.open(path), task)) {
      return new JsonObject().put("image", ApiJson.of(read(name, path, source, task)));
    }
  }

  private Image read(ImageName name, Path path, DiskSource source, Task task) throws IOException {
    LOG.log(Level.INFO, "importing " + path + " as " + name + ", " + source.size() + " bytes");
    task.begin(source.size());
    Image image = storage.importImage(name, source, task::progress);
    if (task.isCancelled()) {
      storage.removeImage(name);
      throw task.cancellation();
    }
    LOG.log(
        Level.INFO, "imported " + name + ": " + image.size() + " bytes in " + image.storedBytes());
    return image;
  }

  static Path absolute(String text) throws StorageException {
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
  private record Cancellable(DiskSource source, Task task) implements DiskSource {
    @Override
    public long size() {
      return source.size();
    }

    @Override
    public long nextData(long offset) throws IOException {
      task.failIfCancelled();
      return source.nextData(offset);
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      task.failIfCancelled();
      source.read(offset, dst, dstOffset, length);
    }

    @Override
    public void close() throws IOException {
      source.close();
    }
  }
}
