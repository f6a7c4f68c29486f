package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A request of the control API, read whole, free of the event loop it came on. */
public final class ApiRequest {
  private final Map<String, String> path;
  private final Map<String, String> query;
  private final @Nullable Buffer body;

  ApiRequest(RoutingContext routing) {
    this.path = Map.copyOf(routing.pathParams());
    Map<String, String> given = new HashMap<>();
    routing.queryParams().forEach(given::put);
    this.query = Map.copyOf(given);
    this.body = routing.body() == null ? null : routing.body().buffer();
  }

  /** The part of the path that the route calls {@code :name}. */
  public String path(String name) {
    String value = path.get(name);
    if (value == null) {
      throw new IllegalArgumentException("this route has no :" + name);
    }
    return value;
  }

  public Optional<String> query(String name) {
    return Optional.ofNullable(query.get(name));
  }

  /** The body, which may have these fields and no others. */
  public RequestBody body(String... fields) throws StorageException {
    return RequestBody.parse(body, fields);
  }
}
