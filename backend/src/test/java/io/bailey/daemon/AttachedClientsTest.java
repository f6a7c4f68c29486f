package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.daemon.ControlClient.Answer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Volumes made over the control API, used by QEMU's own client. */
@Timeout(60)
class AttachedClientsTest {
  private static final int SIZE_BYTES = 4 << 20;
  private final RunningDaemon bailey;

  AttachedClientsTest() throws IOException {
    bailey = RunningDaemon.start();
  }

  @BeforeEach
  void importImage() throws IOException {
    byte[] golden = new byte[SIZE_BYTES];
    Arrays.fill(golden, 1 << 20, 2 << 20, (byte) 3);
    Path disk = Files.write(bailey.directory.resolve("golden.raw"), golden);
    Answer answer =
        bailey.post("/v1/images", new JsonObject().put("name", "golden").put("path", disk + ""));
    assertThat(answer.body()).contains("\"image\"");
  }

  @AfterEach
  void stop() throws IOException {
    bailey.close();
  }

  private JsonObject fork(String name) {
    Answer made =
        bailey.post("/v1/volumes", new JsonObject().put("name", name).put("from", "golden"));
    assertThat(made.status()).as(made.body()).isEqualTo(201);
    return made.object();
  }

  /** Runs commands of qemu-io, of the package qemu-utils; each fails the test if it fails. */
  private static void qemuIo(JsonObject volume, String... commands) throws Exception {
    List<String> line = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
    for (String command : commands) {
      line.addAll(List.of("-c", command));
    }
    line.add(volume.getString("uri"));
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output).doesNotContain("verification failed");
  }

  @Test
  void forks_shareTheImage_andDontSeeEachOther() throws Exception {
    JsonObject one = fork("one");
    JsonObject two = fork("two");
    qemuIo(one, "read -P 3 1M 64k", "write -P 7 1M 64k", "flush", "read -P 7 1M 64k");
    qemuIo(two, "read -P 3 1M 64k", "read -P 0 0 64k");
  }

  @Test
  void stats_countWhatAClientDid() throws Exception {
    qemuIo(fork("one"), "write -P 7 0 64k", "flush", "read -P 7 0 4k");
    // A reply is counted once it was sent.
    await().until(() -> count(report(), "read") > 0 && count(report(), "flush") > 0);
    JsonObject report = report();
    new SchemaCheck().check("ExportReport", report);
    JsonObject requests = report.getJsonObject("requests");
    assertThat(requests.fieldNames())
        .containsExactlyInAnyOrder("read", "write", "flush", "trim", "zero", "cache", "status");
    assertThat(requests.getJsonObject("write").getLong("bytes")).isGreaterThanOrEqualTo(65536);
    assertThat(requests.getJsonObject("write").getDouble("p99Micros")).isPositive();
    assertThat(bailey.get("/metrics").body())
        .containsPattern("bailey_requests_total\\{kind=\"flush\",volume=\"one\"} [1-9]");
  }

  private JsonObject report() throws IOException {
    return bailey.get("/v1/stats/one").object();
  }

  private static long count(JsonObject report, String kind) {
    return report.getJsonObject("requests").getJsonObject(kind).getLong("count");
  }

  /** Attaches as the oldest of clients do, with EXPORT_NAME. */
  private SocketChannel attach(String volume) throws IOException {
    Path socket = Path.of(bailey.get("/v1/volumes/" + volume).object().getString("socket"));
    SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    read(client, 18);
    byte[] name = volume.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer choice = ByteBuffer.allocate(20 + name.length);
    choice.putInt(3).put("IHAVEOPT".getBytes(StandardCharsets.US_ASCII)).putInt(1);
    choice.putInt(name.length).put(name).flip();
    client.write(choice);
    assertThat(read(client, 10).getLong(0)).isEqualTo(SIZE_BYTES);
    return client;
  }

  private static ByteBuffer read(SocketChannel client, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      assertThat(client.read(bytes)).isPositive();
    }
    return bytes;
  }

  @Test
  void volumeDeletedUnderItsClient_cutsItOff() throws Exception {
    Path socket = Path.of(fork("one").getString("socket"));
    try (SocketChannel client = attach("one")) {
      await().until(() -> bailey.get("/v1/volumes/one").object().getInteger("connections") == 1);
      assertThat(bailey.delete("/v1/volumes/one").status()).isEqualTo(204);
      assertThat(client.read(ByteBuffer.allocate(1))).isEqualTo(-1);
      assertThat(socket.getParent()).doesNotExist();
    }
  }

  @Test
  void daemonStop_endsClients() throws Exception {
    Path socket = Path.of(fork("one").getString("socket"));
    try (SocketChannel client = attach("one")) {
      bailey.daemon.close();
      assertThat(client.read(ByteBuffer.allocate(1))).isEqualTo(-1);
      assertThat(socket).doesNotExist();
    }
  }
}
