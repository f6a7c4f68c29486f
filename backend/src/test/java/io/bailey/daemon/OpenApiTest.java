package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.daemon.ControlClient.Answer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The OpenAPI file says what the daemon does, no more and no less. */
class OpenApiTest {
  private final SchemaCheck schemas = new SchemaCheck();

  @Test
  void everyRouteIsDescribed_andEveryDescriptionHasItsRoute() throws IOException {
    Set<String> ofTheStorageHost = new TreeSet<>();
    schemas
        .operations()
        .forEach(
            (operation, description) -> {
              String tag = description.getJsonArray("tags").getString(0);
              assertThat(tag).isIn("storage", "vms");
              if (tag.equals("storage")) {
                ofTheStorageHost.add(operation);
              }
            });
    try (RunningDaemon bailey = RunningDaemon.start()) {
      assertThat(bailey.daemon.operations()).isEqualTo(ofTheStorageHost);
    }
  }

  @Test
  void operations_areWhatAYamlParserFinds() {
    assertThat(ApiDescription.operations()).isEqualTo(schemas.operations().keySet());
  }

  @Test
  void routesOfExtensions_areAmongTheOperations() throws IOException {
    DaemonExtension extension =
        new DaemonExtension() {
          @Override
          public void start(Context context) {
            new ApiRoutes(context.vertx(), context.router())
                .get("/v1/things/:thing", r -> ApiReply.ok(new JsonObject()));
          }

          @Override
          public void stop() {}
        };
    try (RunningDaemon bailey = RunningDaemon.start(extension)) {
      assertThat(bailey.daemon.operations()).contains("GET /v1/things/{thing}");
      assertThat(bailey.get("/v1/things/1").status()).isEqualTo(200);
    }
  }

  @Test
  void theFileIsServedAsItIs() throws IOException {
    try (RunningDaemon bailey = RunningDaemon.start()) {
      Answer answer = bailey.get("/v1/openapi.yaml");
      assertThat(answer.contentType()).isEqualTo("application/yaml");
      assertThat(answer.body()).isEqualTo(ApiDescription.text());
    }
  }

  /** The list of known fields in the refusal of an unknown one is the described list. */
  @Test
  void fieldsOfBodies_areTheDescribedOnes() throws IOException {
    int checked = 0;
    try (RunningDaemon bailey = RunningDaemon.start()) {
      bailey.post("/v1/volumes", new JsonObject().put("name", "a").put("size", 4096));
      for (Map.Entry<String, JsonObject> operation : schemas.operations().entrySet()) {
        JsonObject body = operation.getValue().getJsonObject("requestBody");
        if (body == null || operation.getValue().getJsonArray("tags").contains("vms")) {
          continue;
        }
        String[] route = operation.getKey().replace("{volume}", "a").split(" ", 2);
        Answer answer = bailey.ask(HttpMethod.valueOf(route[0]), route[1], "{\"no-such\":1}");
        JsonObject json = body.getJsonObject("content").getJsonObject("application/json");
        JsonObject schema = schemas.resolve(json.getJsonObject("schema"));
        assertThat(answer.object().getString("error"))
            .as(operation.getKey())
            .endsWith(
                ": known are "
                    + String.join(", ", schema.getJsonObject("properties").fieldNames()));
        checked++;
      }
    }
    assertThat(checked).isEqualTo(4);
  }
}
