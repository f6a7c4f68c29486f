package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.bailey.volume.Durability;
import io.bailey.volume.Image;
import io.bailey.volume.VolumeStats;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;
import java.util.function.Function;

/** The storage host's records in the words of the control API. */
final class ApiJson {
  private ApiJson() {}

  static JsonObject of(Image image) {
    return new JsonObject()
        .put("name", image.name().toString())
        .put("size", image.size())
        .put("storedBytes", image.storedBytes())
        .put("root", image.root())
        .put("created", image.created().toString());
  }

  static JsonObject of(StorageService.Export export) {
    return new JsonObject()
        .put("name", export.name())
        .put("from", export.from().map(Object::toString).orElse(null))
        .put("size", export.size())
        .put("durability", word(export.durability()))
        .put("socket", export.socket().toString())
        .put("uri", export.uri())
        .put("drive", export.drive())
        .put("connections", export.connections())
        .put("created", export.created().toString());
  }

  static JsonObject of(ExportReport report) {
    JsonObject requests = new JsonObject();
    report
        .requests()
        .forEach(
            (kind, counted) ->
                requests.put(
                    kind,
                    new JsonObject()
                        .put("count", counted.count())
                        .put("bytes", counted.bytes())
                        .put("p50Micros", counted.p50Micros())
                        .put("p99Micros", counted.p99Micros())
                        .put("p999Micros", counted.p999Micros())));
    return new JsonObject()
        .put("volume", report.volume())
        .put("requests", requests)
        .put("connections", report.connections())
        .put("queueDepth", report.queueDepth())
        .put("errors", report.errors())
        .put("storage", of(report.storage()));
  }

  static <T> JsonArray list(Collection<T> items, Function<T, JsonObject> json) {
    JsonArray array = new JsonArray();
    items.forEach(item -> array.add(json.apply(item)));
    return array;
  }

  static String word(Durability durability) {
    return durability.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  static Durability durability(String word) throws StorageException {
    return Arrays.stream(Durability.values())
        .filter(durability -> word(durability).equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new StorageException(
                    StorageException.Kind.INVALID,
                    "field 'durability' must be flush, every-write or none"));
  }

  private static JsonObject of(VolumeStats stats) {
    return new JsonObject()
        .put("bufferBytes", stats.bufferBytes())
        .put("journalBytes", stats.journalBytes())
        .put("levelBytes", new JsonArray(stats.levelBytes()))
        .put("guestBytesWritten", stats.guestBytesWritten())
        .put("hostBytesWritten", stats.hostBytesWritten())
        .put("readsFromBuffer", stats.readsFromBuffer())
        .put("readsFromCache", stats.readsFromCache())
        .put("readsFromDisk", stats.readsFromDisk())
        .put("readsOfHoles", stats.readsOfHoles())
        .put("damaged", stats.damaged());
  }
}
