package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The JSON object that came with a request. Whatever is wrong with it is a {@link StorageException}
 * of kind {@code INVALID} that names the field. A field that is null counts as not given.
 */
public final class RequestBody {
  private final JsonObject json;

  private RequestBody(JsonObject json) {
    this.json = json;
  }

  /** Reads an object that has no fields but these; no bytes at all are an empty object. */
  static RequestBody parse(@Nullable Buffer bytes, String... fields) throws StorageException {
    JsonObject json;
    try {
      json = bytes == null || bytes.length() == 0 ? new JsonObject() : new JsonObject(bytes);
    } catch (DecodeException | ClassCastException e) {
      throw invalid("the body is not a JSON object: " + firstLine(e.getMessage()));
    }
    List<String> known = Arrays.asList(fields);
    for (String field : json.fieldNames()) {
      if (!known.contains(field)) {
        throw invalid(
            "unknown field '" + shown(field) + "': known are " + String.join(", ", known));
      }
    }
    return new RequestBody(json);
  }

  public String string(String field) throws StorageException {
    return optionalString(field).orElseThrow(() -> invalid("field '" + field + "' is missing"));
  }

  public Optional<String> optionalString(String field) throws StorageException {
    Object value = json.getValue(field);
    if (value == null) {
      return Optional.empty();
    }
    if (!(value instanceof String text)) {
      throw wrongType(field, "a string", value);
    }
    if (text.isEmpty()) {
      throw invalid("field '" + field + "' is empty");
    }
    return Optional.of(text);
  }

  /** A list of at most so many strings; empty where it isn't given. */
  List<String> strings(String field, int max) throws StorageException {
    Object value = json.getValue(field);
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof JsonArray array)) {
      throw wrongType(field, "a list of strings", value);
    }
    if (array.size() > max) {
      throw outOfRange(field, "a list of at most " + max, "one of " + array.size());
    }
    List<String> strings = new ArrayList<>();
    for (Object element : array) {
      if (!(element instanceof String text)) {
        throw wrongType(field, "a list of strings", value);
      }
      strings.add(text);
    }
    return strings;
  }

  /** True or false; false where it isn't given. */
  boolean truth(String field) throws StorageException {
    Object value = json.getValue(field);
    if (value == null) {
      return false;
    }
    if (!(value instanceof Boolean truth)) {
      throw wrongType(field, "true or false", value);
    }
    return truth;
  }

  /** A whole number within bounds. */
  public OptionalLong optionalInteger(String field, long min, long max) throws StorageException {
    Object value = json.getValue(field);
    if (value == null) {
      return OptionalLong.empty();
    }
    if (value instanceof BigInteger) {
      throw outOfRange(field, min + " to " + max, value);
    }
    if (!(value instanceof Integer || value instanceof Long)) {
      throw wrongType(field, "a whole number", value);
    }
    long number = ((Number) value).longValue();
    if (number < min || number > max) {
      throw outOfRange(field, min + " to " + max, value);
    }
    return OptionalLong.of(number);
  }

  /** A number within bounds, whole or not. */
  public OptionalDouble optionalNumber(String field, double min, double max)
      throws StorageException {
    Object value = json.getValue(field);
    if (value == null) {
      return OptionalDouble.empty();
    }
    if (!(value instanceof Number number)) {
      throw wrongType(field, "a number", value);
    }
    if (!(number.doubleValue() >= min && number.doubleValue() <= max)) {
      throw outOfRange(field, min + " to " + max, value);
    }
    return OptionalDouble.of(number.doubleValue());
  }

  private static StorageException outOfRange(String field, String range, Object value) {
    return invalid("field '" + field + "' is " + value + " and must be " + range);
  }

  private static StorageException wrongType(String field, String wanted, Object value) {
    String found =
        switch (value) {
          case String text -> "a string";
          case Boolean truth -> "true or false";
          case Number number -> "the number " + shown(number.toString());
          case JsonObject object -> "an object";
          default -> "a list";
        };
    return invalid("field '" + field + "' must be " + wanted + " and is " + found);
  }

  private static String shown(String text) {
    String line = firstLine(text);
    return line.length() > 40 ? line.substring(0, 40) + "…" : line;
  }

  private static String firstLine(@Nullable String text) {
    return text == null ? "" : text.lines().findFirst().orElse("");
  }

  private static StorageException invalid(String message) {
    return new StorageException(StorageException.Kind.INVALID, message);
  }
}
