package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.daemon.ControlClient.Answer;
import io.bailey.remote.Nginx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** POST /v1/check, on the daemon's real socket. */
class CheckRouteTest {
  private static final SchemaCheck SCHEMAS = new SchemaCheck();

  private static JsonObject report(Answer answer) {
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    List<String> lines = answer.body().lines().toList();
    lines.forEach(line -> SCHEMAS.check("CheckLine", new JsonObject(line)));
    return new JsonObject(lines.getLast()).getJsonObject("report");
  }

  private static Path values(Path store) throws IOException {
    try (Stream<Path> files = Files.list(store.resolve("chunks"))) {
      return files.max(Comparator.comparingLong(file -> file.toFile().length())).orElseThrow();
    }
  }

  @Test
  void aCheck_namesWhatIsHit_byBytesOfTheDisk() throws Exception {
    try (RunningDaemon bailey = RunningDaemon.start()) {
      byte[] disk = new byte[1 << 20];
      new Random(1).nextBytes(disk);
      Path raw = Files.write(bailey.directory.resolve("disk.raw"), disk);
      bailey.post("/v1/images", new JsonObject().put("name", "golden").put("path", raw.toString()));
      bailey.post(
          "/v1/volumes",
          new JsonObject().put("name", "v").put("from", "golden").put("durability", "none"));
      JsonObject whole = report(bailey.post("/v1/check", new JsonObject()));
      assertThat(whole.getBoolean("whole")).as(whole.encode()).isTrue();
      assertThat(whole.getJsonArray("checked")).hasSize(2);

      Path file = values(bailey.directory.resolve("store"));
      byte[] bytes = Files.readAllBytes(file);
      bytes[8 + 5 * 4096] ^= 1;
      Files.write(file, bytes);
      JsonObject found =
          report(bailey.post("/v1/check", new JsonObject().put("names", new JsonArray().add("v"))));
      assertThat(found.getBoolean("whole")).isFalse();
      JsonObject damage = found.getJsonArray("damage").getJsonObject(0);
      assertThat(damage.getString("file")).isEqualTo(file.toString());
      assertThat(damage.getLong("offset")).isEqualTo(8 + 5 * 4096);
      JsonObject hit = damage.getJsonArray("hits").getJsonObject(0);
      assertThat(hit.getString("name")).isEqualTo("v");
      assertThat(hit.getJsonArray("ranges").encode()).isEqualTo("[{\"from\":20480,\"to\":24576}]");
      assertThat(damage.getBoolean("repaired")).isFalse();

      Path served = Files.createDirectory(bailey.directory.resolve("served"));
      bytes[8 + 5 * 4096] ^= 1;
      Files.write(served.resolve(String.valueOf(file.getFileName())), bytes);
      try (Nginx nginx = new Nginx(bailey.directory.resolve("nginx"), served)) {
        JsonObject moved = new JsonObject().put("repairFrom", nginx.url("/moved"));
        assertThat(report(bailey.post("/v1/check", moved)).encode()).contains("isn't followed");
        JsonObject from = new JsonObject().put("repairFrom", nginx.url("/"));
        JsonObject repaired = report(bailey.post("/v1/check", from));
        assertThat(repaired.getBoolean("whole")).as(repaired.encode()).isTrue();
        assertThat(repaired.getJsonArray("damage").getJsonObject(0).getBoolean("repaired"))
            .isTrue();
        assertThat(file).hasBinaryContent(bytes);
      }
      bailey.delete("/v1/volumes/v");
    }
  }

  @Test
  void aStop_endsARepairThatWaitsForAServer() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        RunningDaemon bailey = RunningDaemon.start()) {
      byte[] disk = new byte[1 << 20];
      new Random(1).nextBytes(disk);
      Path raw = Files.write(bailey.directory.resolve("disk.raw"), disk);
      bailey.post("/v1/images", new JsonObject().put("name", "golden").put("path", raw.toString()));
      Files.delete(values(bailey.directory.resolve("store")));
      String url = "http://127.0.0.1:" + silent.getLocalPort() + "/";
      CompletableFuture<String> asking =
          CompletableFuture.supplyAsync(
              () -> bailey.post("/v1/check", new JsonObject().put("repairFrom", url)).body());
      try (Socket _ = silent.accept()) {
        long began = System.nanoTime();
        bailey.daemon.close();
        // The server may be silent for 30 s.
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(15));
      }
      assertThat(asking.get()).contains("the daemon is stopping");
    }
  }

  @Test
  void wrongRequests_areRefused() throws Exception {
    try (RunningDaemon bailey = RunningDaemon.start()) {
      JsonObject names = new JsonObject().put("names", new JsonArray().add("none"));
      assertThat(bailey.post("/v1/check", names).status()).isEqualTo(404);
      names.put("names", new JsonArray().add("../x"));
      assertThat(bailey.post("/v1/check", names).status()).isEqualTo(400);
      names.put("names", new JsonArray().add(7));
      assertThat(bailey.post("/v1/check", names).body()).contains("a list of strings");
      JsonObject from = new JsonObject().put("repairFrom", "ftp://host/");
      assertThat(bailey.post("/v1/check", from).body()).contains("ftp://host/");
      JsonObject values = new JsonObject().put("values", "yes");
      assertThat(bailey.post("/v1/check", values).body()).contains("true or false");
    }
  }
}
