package io.bailey.cli;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A JSON object with fields read by type; a missing or null field is empty, zero or no object. */
record JsonObject(Map<String, @Nullable Object> fields) {
  /** Takes what {@link Json} read, if it is an object. */
  static JsonObject of(@Nullable Object value) throws IOException {
    if (!(value instanceof Map<?, ?> map)) {
      throw new IOException("the daemon answered with something other than an object");
    }
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    map.forEach((name, field) -> fields.put(String.valueOf(name), field));
    return new JsonObject(fields);
  }

  /** Starts an object to send; {@link #with} adds its fields. */
  static JsonObject empty() {
    return new JsonObject(new LinkedHashMap<>());
  }

  /** Sets a field and returns this; a null value leaves the field out. */
  JsonObject with(String name, @Nullable Object value) {
    if (value != null) {
      fields.put(name, value);
    }
    return this;
  }

  boolean has(String name) {
    return fields.get(name) != null;
  }

  /** A text or number as text; "" where there is none. */
  String string(String name) {
    return optional(name).orElse("");
  }

  Optional<String> optional(String name) {
    return Optional.ofNullable(fields.get(name)).map(String::valueOf);
  }

  long number(String name) {
    return fields.get(name) instanceof Number number ? number.longValue() : 0;
  }

  boolean truth(String name) {
    return Boolean.TRUE.equals(fields.get(name));
  }

  /** How many elements a list has. */
  int size(String name) {
    return fields.get(name) instanceof List<?> list ? list.size() : 0;
  }

  double decimal(String name) {
    return fields.get(name) instanceof Number number ? number.doubleValue() : 0;
  }

  /** A field that is an object; an empty one where there is none. */
  JsonObject object(String name) {
    try {
      return fields.get(name) instanceof Map<?, ?> map ? of(map) : empty();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** The objects of a list. */
  List<JsonObject> objects(String name) {
    return fields.get(name) instanceof List<?> list
        ? list.stream().map(o -> new JsonObject(Map.of("", o)).object("")).toList()
        : List.of();
  }

  /** The numbers of a list; those that are none count as zero. */
  List<Long> numbers(String name) {
    return fields.get(name) instanceof List<?> list
        ? list.stream().map(n -> n instanceof Number number ? number.longValue() : 0L).toList()
        : List.of();
  }

  /** Only the named fields, in that order. */
  JsonObject only(String... names) {
    JsonObject picked = empty();
    for (String name : names) {
      picked.fields.put(name, fields.get(name));
    }
    return picked;
  }
}
