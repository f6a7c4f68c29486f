package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.daemon.ControlClient.Answer;
import io.bailey.nbd.Tool;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every route of the storage host, over the real socket of a real daemon. */
class ControlApiTest {
  private static final SchemaCheck SCHEMAS = new SchemaCheck();
  private static RunningDaemon bailey;

  @BeforeAll
  static void start() throws IOException {
    bailey = RunningDaemon.start();
  }

  @AfterAll
  static void stop() throws IOException {
    bailey.close();
  }

  @AfterEach
  void removeAll() {
    for (Object volume : bailey.get("/v1/volumes").array()) {
      bailey.delete("/v1/volumes/" + ((JsonObject) volume).getString("name"));
    }
    for (Object image : bailey.get("/v1/images").array()) {
      bailey.delete("/v1/images/" + ((JsonObject) image).getString("name"));
    }
  }

  private static Path disk(int sizeBytes) throws IOException {
    byte[] bytes = new byte[sizeBytes];
    bytes[0] = 1;
    bytes[sizeBytes - 1] = 2;
    return Files.write(Files.createTempFile(bailey.directory, "disk", ".raw"), bytes);
  }

  private static Answer importDisk(String name, Path path) {
    return bailey.post("/v1/images", new JsonObject().put("name", name).put("path", path + ""));
  }

  @Test
  void info_saysWhatRuns() {
    Answer answer = bailey.get("/v1/info");
    assertThat(answer.status()).isEqualTo(200);
    SCHEMAS.check("Info", answer.json());
    assertThat(answer.object().getLong("pid")).isEqualTo(ProcessHandle.current().pid());
    assertThat(answer.object().getString("version")).matches("\\d+\\.\\d+\\.\\d+.*");
    assertThat(answer.object().getString("store"))
        .isEqualTo(bailey.directory.resolve("store").toString());
  }

  @Test
  void import_endsWithTheImage_whichIsListedAndRemoved() throws IOException {
    Answer answer = importDisk("debian:12", disk(1 << 20));
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.contentType()).isEqualTo("application/x-ndjson");
    List<JsonObject> lines = answer.body().lines().map(JsonObject::new).toList();
    lines.forEach(line -> SCHEMAS.check("ImportLine", line));
    assertThat(lines.getFirst().getLong("total")).isEqualTo(1 << 20);
    JsonObject image = lines.getLast().getJsonObject("image");
    assertThat(image.getString("name")).isEqualTo("debian:12");
    assertThat(image.getLong("size")).isEqualTo(1 << 20);

    assertThat(bailey.get("/v1/images").array()).containsExactly(image);
    assertThat(bailey.get("/v1/images/debian:12").object()).isEqualTo(image);
    assertThat(bailey.get("/v1/images/debian%3A12").object()).isEqualTo(image);
    assertThat(bailey.delete("/v1/images/debian:12").status()).isEqualTo(204);
    assertThat(bailey.get("/v1/images/debian:12").status()).isEqualTo(404);
  }

  @Test
  void import_ofATakenName_isRefusedBeforeAnythingIsRead() throws IOException {
    importDisk("debian:12", disk(4096));
    Answer second = importDisk("debian:12", disk(4096));
    assertThat(second.status()).isEqualTo(409);
    SCHEMAS.check("Error", second.json());
    assertThat(second.object().getString("kind")).isEqualTo("EXISTS");
  }

  @Test
  void import_ofABadFile_saysWhatIsWrong() throws IOException {
    Path qcow2 = Files.write(bailey.directory.resolve("a.qcow2"), qcow2Head());
    Answer answer = importDisk("a", qcow2);
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.object().getString("error")).contains("qcow2", "qemu-img convert");
    assertThat(importDisk("a", bailey.directory.resolve("none")).object().getString("error"))
        .contains("no such file");
    assertThat(importDisk("a", Path.of("relative")).object().getString("error"))
        .contains("absolute");
    assertThat(bailey.get("/v1/images").array()).isEmpty();
  }

  @Test
  void import_ofAMindcastleDisk_makesAnImageOfItsBytes() throws Exception {
    Path sample =
        Path.of(ControlApiTest.class.getResource("/io/bailey/mindcastle/disk.swap").toURI());
    assertThat(importDisk("old", sample).status()).isEqualTo(200);
    Answer made = bailey.post("/v1/volumes", new JsonObject().put("name", "v").put("from", "old"));
    String uri = made.object().getString("uri");
    Path back = bailey.directory.resolve("back.raw");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "raw", uri, back.toString());
    assertThat(Tool.run("sha256sum", back.toString()).out())
        .startsWith("9599266d10cdc175a6f31cc15d2badac3030bcff334fd380771b819cb7e07730");
    Path text = Files.writeString(bailey.directory.resolve("wrong.swap"), "size=512");
    Answer wrong = importDisk("wrong", text);
    assertThat(wrong.status()).isEqualTo(400);
    assertThat(wrong.object().getString("error")).contains("wrong.swap", "no key");
  }

  private static byte[] qcow2Head() {
    byte[] head = new byte[512];
    System.arraycopy(new byte[] {'Q', 'F', 'I', (byte) 0xfb}, 0, head, 0, 4);
    return head;
  }

  @Test
  void volume_isServedWhenItsAnswerIsThere_andGoneWhenDeleted() throws IOException {
    Answer made =
        bailey.post("/v1/volumes", new JsonObject().put("name", "data").put("size", 1 << 20));
    assertThat(made.status()).isEqualTo(201);
    SCHEMAS.check("Volume", made.json());
    JsonObject volume = made.object();
    Path socket = Path.of(volume.getString("socket"));
    assertThat(socket).isEqualTo(bailey.directory.resolve("run/nbd/data/nbd.sock"));
    assertThat(volume.getString("uri")).isEqualTo("nbd+unix:///data?socket=" + socket);
    assertThat(volume.getString("drive")).contains("server.path=" + socket, "export=data");
    assertThat(volume.getString("durability")).isEqualTo("flush");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket.getParent())))
        .isEqualTo("rwx------");
    try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      assertThat(client.isConnected()).isTrue();
      assertThat(bailey.delete("/v1/volumes/data").status()).isEqualTo(204);
    }
    assertThat(socket.getParent()).doesNotExist();
    assertThat(bailey.get("/v1/volumes/data").status()).isEqualTo(404);
    assertThat(bailey.get("/v1/volumes").array()).isEmpty();
  }

  @Test
  void volume_forkedFromAnImage_hasItsSize() throws IOException {
    importDisk("golden", disk(8192));
    Answer made =
        bailey.post(
            "/v1/volumes",
            new JsonObject().put("name", "vm1").put("from", "golden").put("durability", "none"));
    assertThat(made.status()).isEqualTo(201);
    assertThat(made.object().getString("from")).isEqualTo("golden:latest");
    assertThat(made.object().getLong("size")).isEqualTo(8192);
    assertThat(bailey.get("/v1/volumes").array()).hasSize(1);
    SCHEMAS.check("Volume", bailey.get("/v1/volumes/vm1").json());
  }

  @Test
  void volume_ofATakenName_isRefused_andTheFirstStays() {
    JsonObject wanted = new JsonObject().put("name", "data").put("size", 4096);
    bailey.post("/v1/volumes", wanted);
    Answer second = bailey.post("/v1/volumes", wanted);
    assertThat(second.status()).isEqualTo(409);
    assertThat(second.object().getString("error")).contains("volume data exists");
    assertThat(bailey.get("/v1/volumes/data").status()).isEqualTo(200);
  }

  @Test
  void volume_whoseSocketPathIsTooLong_isRefused_andLeavesNothing() {
    String name = "a".repeat(63);
    Answer answer = bailey.post("/v1/volumes", new JsonObject().put("name", name).put("size", 512));
    boolean fits =
        bailey.directory.resolve("run/nbd/" + name + "/nbd.sock").toString().length()
            <= RunDirectory.SOCKET_PATH_BYTES;
    assertThat(answer.status()).isEqualTo(fits ? 201 : 400);
    if (!fits) {
      assertThat(answer.object().getString("error")).contains("shorter volume name");
      assertThat(bailey.get("/v1/volumes").array()).isEmpty();
    }
  }

  @Test
  void stats_areThereForEachVolume() {
    bailey.post("/v1/volumes", new JsonObject().put("name", "data").put("size", 4096));
    SCHEMAS.check("ExportReport", bailey.get("/v1/stats/data").json());
    assertThat(bailey.get("/v1/stats").array()).hasSize(1);
    assertThat(bailey.get("/v1/stats/none").status()).isEqualTo(404);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          POST   | /v1/volumes | {"name":"a","size":4096,"colour":1} | 400 | unknown field 'colour'
          POST   | /v1/volumes | {"name":1,"size":4096}        | 400 | field 'name' must be a string
          POST   | /v1/volumes | {"size":4096}                 | 400 | field 'name' is missing
          POST   | /v1/volumes | {"name":"A","size":4096}      | 400 | not allowed
          POST   | /v1/volumes | {"name":"../a","size":4096}   | 400 | not allowed
          POST   | /v1/volumes | {"name":"a"}                  | 400 | field 'size' is missing
          POST   | /v1/volumes | {"name":"a","size":"4096"}    | 400 | 'size' must be a whole number
          POST   | /v1/volumes | {"name":"a","size":4096.5}    | 400 | 'size' must be a whole number
          POST   | /v1/volumes | {"name":"a","size":-1}        | 400 | must be 512 to
          POST   | /v1/volumes | {"name":"a","size":1000}      | 400 | multiple of 512
          POST   | /v1/volumes | {"name":"a","size":99999999999999999999} | 400 | must be 512 to
          POST   | /v1/volumes | {"name":"a","size":512,"durability":"x"} | 400 | flush, every-write or none
          POST   | /v1/volumes | {"name":"a","from":"none"}    | 404 | no image none:latest
          POST   | /v1/volumes | {"name":"a","from":"a:b:c"}   | 400 | not allowed
          POST   | /v1/volumes | [1]                           | 400 | not a JSON object
          POST   | /v1/volumes | {"name":                      | 400 | not a JSON object
          POST   | /v1/images  | {"name":"a"}                  | 400 | field 'path' is missing
          POST   | /v1/images  | {"name":"a","path":["/a"]}    | 400 | must be a string and is a list
          POST   | /v1/images  | {"name":"a b","path":"/a"}    | 400 | not allowed
          POST   | /v1/volumes/none/commit | {"image":"a"}     | 404 | no volume none
          POST   | /v1/volumes/a/commit | {}                   | 400 | field 'image' is missing
          GET    | /v1/volumes/none | ""                       | 404 | no volume none
          GET    | /v1/volumes/A%2Fb | ""                      | 400 | not allowed
          DELETE | /v1/volumes/none | ""                       | 404 | no volume none
          DELETE | /v1/images/none | ""                        | 404 | no image none:latest
          GET    | /v1/nothing | ""                            | 404 | no such route
          DELETE | /v1/info    | ""                            | 405 | not a method
          """)
  void badInput_isRefusedInOneLineThatSaysWhat(
      String method, String path, String body, int status, String words) {
    Answer answer = bailey.ask(HttpMethod.valueOf(method), path, body == null ? "" : body);
    assertThat(answer.body()).contains(words);
    assertThat(answer.status()).isEqualTo(status);
    SCHEMAS.check("Error", answer.json());
    assertThat(answer.object().getString("error")).doesNotContain("\n");
    assertThat(bailey.get("/v1/volumes").array()).isEmpty();
  }

  @Test
  void body_overTheLimit_isRefused() {
    String body = "{\"name\":\"" + "a".repeat(ApiRoutes.BODY_BYTES) + "\"}";
    Answer answer = bailey.ask(HttpMethod.POST, "/v1/volumes", body);
    assertThat(answer.status()).isEqualTo(413);
    SCHEMAS.check("Error", answer.json());
  }
}
