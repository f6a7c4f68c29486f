package io.bailey.cli;

import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * JSON as plain values: {@code Map}, {@code List}, {@code String}, {@code Long}, {@code Double},
 * {@code Boolean} and {@code null}.
 *
 * <p>Why not a data-binding library: it costs a third of what a client command may take to start.
 * Jackson's stream does the reading and its limits (depth, length of numbers) hold here too.
 */
public final class Json {
  private static final JsonFactory FACTORY = new JsonFactory();
  private static final int MAX_DEPTH = 64;

  private Json() {}

  /** Reads one object; anything else is an {@link IOException} that says so. */
  static JsonObject object(String text) throws IOException {
    return JsonObject.of(parse(text));
  }

  /** Reads one object that a program printed, as plain values. */
  public static Map<String, @Nullable Object> map(String text) throws IOException {
    return object(text).fields();
  }

  /** Reads an array of objects. */
  static List<JsonObject> objects(String text) throws IOException {
    if (!(parse(text) instanceof List<?> list)) {
      throw new IOException("the daemon answered with something other than a list");
    }
    List<JsonObject> objects = new ArrayList<>(list.size());
    for (Object element : list) {
      objects.add(JsonObject.of(element));
    }
    return objects;
  }

  private static @Nullable Object parse(String text) throws IOException {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
      parser.nextToken();
      Object value = read(parser, 0);
      if (parser.nextToken() != null) {
        throw new IOException("the daemon answered with more than one JSON value");
      }
      return value;
    } catch (JacksonException e) {
      throw new IOException("the daemon's answer is not JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static @Nullable Object read(JsonParser parser, int depth) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == null || depth > MAX_DEPTH) {
      throw new IOException("the daemon's answer is not JSON that this command can read");
    }
    return switch (token) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          map.put(name, read(parser, depth + 1));
        }
        yield map;
      }
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(read(parser, depth + 1));
        }
        yield list;
      }
      case VALUE_STRING -> parser.getString();
      case VALUE_NUMBER_INT -> parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw new IOException("the daemon's answer is not JSON: unexpected " + token);
    };
  }

  /** Writes a value on one line. */
  public static String line(@Nullable Object value) {
    StringWriter text = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(ObjectWriteContext.empty(), text)) {
      write(generator, value);
    }
    return text.toString();
  }

  /** Writes a list with one element a line, so that it reads well and still is one JSON value. */
  static String list(List<JsonObject> objects) {
    if (objects.isEmpty()) {
      return "[]";
    }
    StringBuilder text = new StringBuilder("[\n");
    for (int i = 0; i < objects.size(); i++) {
      text.append("  ").append(line(objects.get(i).fields()));
      text.append(i + 1 < objects.size() ? ",\n" : "\n");
    }
    return text.append(']').toString();
  }

  private static void write(JsonGenerator generator, @Nullable Object value) {
    switch (value) {
      case null -> generator.writeNull();
      case Map<?, ?> map -> {
        generator.writeStartObject();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          generator.writeName(String.valueOf(entry.getKey()));
          write(generator, entry.getValue());
        }
        generator.writeEndObject();
      }
      case List<?> list -> {
        generator.writeStartArray();
        for (Object element : list) {
          write(generator, element);
        }
        generator.writeEndArray();
      }
      case String text -> generator.writeString(text);
      case Integer number -> generator.writeNumber(number);
      case Long number -> generator.writeNumber(number);
      case Double number -> generator.writeNumber(number);
      case Boolean truth -> generator.writeBoolean(truth);
      default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
    }
  }
}
