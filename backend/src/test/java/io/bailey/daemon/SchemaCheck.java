package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.Yaml;

/** Holds JSON against the schemas of the OpenAPI file: the part of JSON Schema that it uses. */
final class SchemaCheck {
  private final JsonObject document =
      new JsonObject(new Yaml().<Map<String, Object>>load(ApiDescription.text()));

  /** The described operations with their descriptions, as {@code "GET /v1/things/{name}"}. */
  Map<String, JsonObject> operations() {
    Map<String, JsonObject> operations = new TreeMap<>();
    JsonObject paths = document.getJsonObject("paths");
    for (String path : paths.fieldNames()) {
      JsonObject item = paths.getJsonObject(path);
      for (String method : item.fieldNames()) {
        if (!method.equals("parameters")) {
          operations.put(method.toUpperCase(Locale.ROOT) + " " + path, item.getJsonObject(method));
        }
      }
    }
    return operations;
  }

  /** Fails where {@code value} is not as the named schema says. */
  void check(String schema, Object value) {
    check(new JsonObject().put("$ref", "#/components/schemas/" + schema), value, schema);
  }

  /** The part of the document that a reference names; other parts as they are. */
  JsonObject resolve(JsonObject part) {
    String reference = part.getString("$ref");
    if (reference == null) {
      return part;
    }
    JsonObject found = document;
    for (String name : reference.substring(2).split("/", -1)) {
      found = found.getJsonObject(name);
      assertThat(found).as(reference).isNotNull();
    }
    return found;
  }

  private void check(JsonObject given, @Nullable Object value, String where) {
    JsonObject schema = resolve(given);
    Object type = schema.getValue("type");
    List<?> types = type instanceof JsonArray several ? several.getList() : List.of(type);
    assertThat(types.contains(typeOf(value, types)))
        .as(where + " = " + value + " must be " + types)
        .isTrue();
    if (schema.containsKey("enum")) {
      assertThat(schema.getJsonArray("enum").contains(value)).as(where + " = " + value).isTrue();
    }
    if (value instanceof String text && schema.containsKey("pattern")) {
      assertThat(text).as(where).matches(schema.getString("pattern"));
    }
    if (value instanceof JsonArray array) {
      for (Object item : array) {
        check(schema.getJsonObject("items"), item, where + "[]");
      }
    }
    if (value instanceof JsonObject object) {
      checkObject(schema, object, where);
    }
  }

  private void checkObject(JsonObject schema, JsonObject object, String where) {
    JsonObject properties = schema.getJsonObject("properties", new JsonObject());
    for (Object required : schema.getJsonArray("required", new JsonArray())) {
      assertThat(object.containsKey((String) required)).as(where + " has " + required).isTrue();
    }
    for (String field : object.fieldNames()) {
      Object property =
          properties.containsKey(field)
              ? properties.getValue(field)
              : schema.getValue("additionalProperties");
      assertThat(property).as(where + "." + field + " is described").isInstanceOf(JsonObject.class);
      check((JsonObject) property, object.getValue(field), where + "." + field);
    }
  }

  private static String typeOf(@Nullable Object value, List<?> wanted) {
    return switch (value) {
      case null -> "null";
      case String text -> "string";
      case Boolean truth -> "boolean";
      case JsonArray array -> "array";
      case JsonObject object -> "object";
      case Number number when wanted.contains("number") -> "number";
      case Integer number -> "integer";
      case Long number -> "integer";
      default -> value.getClass().getSimpleName();
    };
  }
}
