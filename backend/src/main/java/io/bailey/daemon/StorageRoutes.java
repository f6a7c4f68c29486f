package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.bailey.mindcastle.SwapDisk;
import io.bailey.remote.ChunkSources;
import io.bailey.volume.CheckOptions;
import io.bailey.volume.CheckReport;
import io.bailey.volume.ChunkSource;
import io.bailey.volume.DiskSource;
import io.bailey.volume.Durability;
import io.bailey.volume.ImageName;
import io.bailey.volume.RawFileSource;
import io.bailey.volume.VolumeSpec;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The control API's routes for images, volumes and their statistics. */
final class StorageRoutes {
  private static final int MAX_CHECKED = 1000;

  private final StorageHost storage;
  private final ImportRoute imports;
  private final ProgressRoute checks;

  StorageRoutes(StorageHost storage, Vertx vertx) {
    this.storage = storage;
    this.imports = new ImportRoute(vertx, storage, StorageRoutes::open);
    this.checks = new ProgressRoute(vertx, "check", 1, this::check);
  }

  void addTo(Router router, ApiRoutes routes) {
    router.post("/v1/images").handler(imports::handle);
    router.post("/v1/check").handler(checks::handle);
    routes
        .get("/v1/images", r -> ApiReply.ok(ApiJson.list(storage.images(), ApiJson::of)))
        .get("/v1/images/:image", this::image)
        .delete("/v1/images/:image", this::removeImage)
        .get("/v1/volumes", r -> ApiReply.ok(ApiJson.list(storage.volumes(), ApiJson::of)))
        .post("/v1/volumes", this::createVolume)
        .get("/v1/volumes/:volume", this::volume)
        .delete("/v1/volumes/:volume", this::removeVolume)
        .post("/v1/volumes/:volume/commit", this::commit)
        .get("/v1/left-out", r -> ApiReply.ok(leftOut()))
        .get("/v1/stats", r -> ApiReply.ok(ApiJson.list(storage.reports(), ApiJson::of)))
        .get(
            "/v1/stats/:volume",
            r -> ApiReply.ok(ApiJson.of(storage.stats(ImageName.checkVolume(r.path("volume"))))));
  }

  /** Ends imports and checks, and returns when they have ended. */
  void stop() throws InterruptedException {
    checks.stop();
    imports.stop();
  }

  private JsonObject check(ApiRequest request, ProgressRoute.Task task) throws IOException {
    RequestBody body = request.body("names", "values", "repairFrom");
    List<String> names = body.strings("names", MAX_CHECKED);
    for (String name : names) {
      ImageName.parse(name);
    }
    Optional<String> from = body.optionalString("repairFrom");
    Optional<ChunkSource> source =
        from.isEmpty() ? Optional.empty() : Optional.of(ChunkSources.of(from.get()));
    source.ifPresent(opened -> task.atCancel(opened::close));
    CheckReport report;
    try {
      CheckOptions options = new CheckOptions(names, body.truth("values"), source);
      report = storage.check(options, task::progress, task::isCancelled);
    } finally {
      source.ifPresent(ChunkSource::close);
    }
    task.failIfCancelled(); // what a closed source didn't give would be told as not repaired
    return new JsonObject().put("report", CheckJson.of(report));
  }

  private JsonArray leftOut() {
    return ApiJson.list(
        storage.leftOut().entrySet(),
        entry -> new JsonObject().put("name", entry.getKey()).put("reason", entry.getValue()));
  }

  private ApiReply image(ApiRequest request) throws IOException {
    ImageName name = ImageName.parse(request.path("image"));
    return ApiReply.ok(
        ApiJson.of(
            storage
                .image(name)
                .orElseThrow(() -> storage.missing(name.toString(), StorageHost.noImage(name)))));
  }

  private ApiReply removeImage(ApiRequest request) throws IOException {
    ImageName name = ImageName.parse(request.path("image"));
    storage.removeImage(name);
    return ApiReply.done();
  }

  private ApiReply createVolume(ApiRequest request) throws IOException {
    RequestBody body = request.body("name", "from", "size", "durability");
    String name = ImageName.checkVolume(body.string("name"));
    Optional<String> from = body.optionalString("from");
    Optional<ImageName> image =
        from.isEmpty() ? Optional.empty() : Optional.of(ImageName.parse(from.get()));
    long size = body.optionalInteger("size", 512, Long.MAX_VALUE).orElse(0);
    if (size % 512 != 0) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "field 'size' is " + size + " and must be a multiple of 512");
    }
    if (size == 0 && image.isEmpty()) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "field 'size' is missing: a volume without an image needs one");
    }
    Optional<String> durability = body.optionalString("durability");
    VolumeSpec spec =
        new VolumeSpec(
            image,
            size,
            durability.isEmpty() ? Durability.FLUSH : ApiJson.durability(durability.get()));
    return ApiReply.created(ApiJson.of(storage.createVolume(name, spec)));
  }

  private ApiReply volume(ApiRequest request) throws IOException {
    String name = ImageName.checkVolume(request.path("volume"));
    return ApiReply.ok(
        ApiJson.of(
            storage
                .volume(name)
                .orElseThrow(() -> storage.missing(name, StorageHost.noVolume(name)))));
  }

  private ApiReply removeVolume(ApiRequest request) throws IOException {
    storage.removeVolume(ImageName.checkVolume(request.path("volume")));
    return ApiReply.done();
  }

  private ApiReply commit(ApiRequest request) throws IOException {
    String volume = ImageName.checkVolume(request.path("volume"));
    ImageName image = ImageName.parse(request.body("image").string("image"));
    JsonObject made = ApiJson.of(storage.commit(volume, image));
    return ApiReply.created(made);
  }

  private static DiskSource open(Path path) throws IOException {
    return SwapDisk.isOne(path) ? SwapDisk.open(path) : RawFileSource.open(path);
  }
}
