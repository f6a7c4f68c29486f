package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;

/** An answer of the control API. */
public record ApiReply(int status, String contentType, Buffer body) {
  private static final System.Logger LOG = System.getLogger(ApiReply.class.getName());
  private static final String JSON = "application/json";

  public static ApiReply ok(JsonObject json) {
    return new ApiReply(200, JSON, json.toBuffer());
  }

  public static ApiReply ok(JsonArray json) {
    return new ApiReply(200, JSON, json.toBuffer());
  }

  public static ApiReply created(JsonObject json) {
    return new ApiReply(201, JSON, json.toBuffer());
  }

  public static ApiReply created(JsonArray json) {
    return new ApiReply(201, JSON, json.toBuffer());
  }

  /** Done, and nothing to say. */
  public static ApiReply done() {
    return new ApiReply(204, "", Buffer.buffer());
  }

  /** What a failure looks like to a client; one that nobody foresaw is logged whole. */
  public static ApiReply error(Throwable failure) {
    JsonObject json = errorJson(failure);
    int status =
        failure instanceof StorageException known
            ? switch (known.kind()) {
              case INVALID -> 400;
              case NOT_FOUND -> 404;
              case EXISTS, IN_USE, READ_ONLY -> 409;
              case CLOSED -> 503;
              case NO_SPACE -> 507;
              case DAMAGED, TOO_NEW, IO -> 500;
            }
            : 500;
    return new ApiReply(status, JSON, json.toBuffer());
  }

  static ApiReply error(int status, StorageException.Kind kind, String message) {
    return new ApiReply(status, JSON, errorJson(kind, message).toBuffer());
  }

  static JsonObject errorJson(Throwable failure) {
    return switch (failure) {
      case StorageException known -> errorJson(known.kind(), known.getMessage());
      case IOException io -> {
        LOG.log(Level.WARNING, "a request failed: " + io, io);
        yield errorJson(StorageException.Kind.IO, RunDirectory.reason(io));
      }
      default -> {
        LOG.log(Level.ERROR, "a request failed in a way nobody foresaw", failure);
        yield errorJson(
            StorageException.Kind.IO,
            "internal error, " + failure.getClass().getSimpleName() + ": see the daemon's log");
      }
    };
  }

  private static JsonObject errorJson(StorageException.Kind kind, @Nullable String message) {
    String line = String.valueOf(message).replace('\n', ' ');
    return new JsonObject().put("error", line).put("kind", kind.name());
  }

  /** Sends the answer; on the event loop of the request. */
  void send(HttpServerResponse response) {
    if (response.ended() || response.closed()) {
      return;
    }
    response.setStatusCode(status);
    if (status != 204) {
      response.putHeader("Content-Type", contentType);
    }
    response.end(body);
  }
}
