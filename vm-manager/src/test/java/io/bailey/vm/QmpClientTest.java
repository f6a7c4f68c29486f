package io.bailey.vm;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class QmpClientTest {
  private static final Duration SHORT = Duration.ofMillis(200);
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final JsonObject NONE = new JsonObject();
  private static final String GREETING = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

  @TempDir Path directory;
  private final List<QmpClient.Event> events = new CopyOnWriteArrayList<>();

  /** One side of a conversation, as a test scripts it. */
  private final class Peer implements AutoCloseable {
    private final ServerSocketChannel server;

    @SuppressWarnings("NullAway.Init") // each script begins by accepting
    private SocketChannel client;

    @SuppressWarnings("NullAway.Init")
    private BufferedReader reader;

    Peer() throws IOException {
      server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket()));
    }

    void accept() throws IOException {
      client = server.accept();
      reader = new BufferedReader(Channels.newReader(client, UTF_8));
    }

    JsonObject read() throws IOException {
      return new JsonObject(reader.readLine());
    }

    void say(String text) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
      while (bytes.hasRemaining()) {
        client.write(bytes);
      }
    }

    void answer(JsonObject request, String result) throws IOException {
      say("{\"return\": " + result + ", \"id\": \"" + request.getString("id") + "\"}\r\n");
    }

    void shakeHands() throws IOException {
      accept();
      say(GREETING);
      answer(read(), "{}");
    }

    @Override
    public void close() throws IOException {
      server.close();
      client.close();
    }
  }

  private Path socket() {
    return directory.resolve("qmp.sock");
  }

  private interface Script {
    void play(Peer peer) throws IOException;
  }

  /** Plays a script against a client that is shaking hands. */
  private QmpClient against(Peer peer, Duration timeout, Script script) throws IOException {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                script.play(peer);
              } catch (IOException e) {
                // The client went away first, which some tests are about.
              }
            });
    return QmpClient.connect(socket(), timeout, events::add);
  }

  @Test
  void repliesGoToTheCommandsWithTheirIdsInAnyOrder() throws Exception {
    try (Peer peer = new Peer();
        QmpClient client =
            against(
                peer,
                LONG,
                p -> {
                  p.shakeHands();
                  JsonObject first = p.read();
                  JsonObject second = p.read();
                  p.say("{\"return\": {\"stray\": 1}, \"id\": \"no-such-id\"}\n{\"return\": {}}\n");
                  p.say("{\"event\": \"RESET\", \"data\": {\"guest\": true}}\n");
                  p.answer(second, "{\"for\": \"" + second.getString("execute") + "\"}");
                  p.answer(first, "{\"for\": \"" + first.getString("execute") + "\"}");
                })) {
      CompletableFuture<JsonObject> other = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  other.complete(client.execute("one", NONE, LONG));
                } catch (IOException e) {
                  other.completeExceptionally(e);
                }
              });
      assertThat(client.execute("two", NONE, LONG).getString("for")).isEqualTo("two");
      assertThat(other.get(20, TimeUnit.SECONDS).getString("for")).isEqualTo("one");
      assertThat(events).extracting(QmpClient.Event::name).containsExactly("RESET");
    }
  }

  @Test
  void aPeerThatSaysNothingMeetsTheDeadline() throws IOException {
    try (Peer peer = new Peer()) {
      assertThatThrownBy(() -> against(peer, SHORT, Peer::accept))
          .hasMessageContaining("greeting: no answer within 200 ms");
    }
  }

  @Test
  void aCommandWithoutAReplyMeetsItsDeadlineAndTheNextOneWorks() throws IOException {
    try (Peer peer = new Peer();
        QmpClient client =
            against(
                peer,
                LONG,
                p -> {
                  p.shakeHands();
                  p.read();
                  p.answer(p.read(), "{\"late\": false}");
                })) {
      assertThatThrownBy(() -> client.execute("ignored", NONE, SHORT))
          .hasMessageContaining("ignored: no answer within 200 ms");
      assertThat(client.execute("heard", NONE, LONG).getBoolean("late")).isFalse();
    }
  }

  @Test
  void whatIsNotQmpEndsTheConnection() throws IOException {
    for (String garbage : List.of("HTTP/1.1 400\r\n", "[1]\n", "{\"QMP\"\n")) {
      try (Peer peer = new Peer()) {
        assertThatThrownBy(
                () ->
                    against(
                        peer,
                        LONG,
                        p -> {
                          p.accept();
                          p.say(garbage);
                        }))
            .as(garbage)
            .hasMessageContaining("not QMP");
      }
      Files.delete(socket());
    }
  }

  @Test
  void anEndlessLineEndsTheConnection() throws IOException {
    try (Peer peer = new Peer()) {
      assertThatThrownBy(
              () ->
                  against(
                      peer,
                      LONG,
                      p -> {
                        p.accept();
                        String x = "x".repeat(1 << 16);
                        for (int i = 0; i < 64; i++) {
                          p.say(x);
                        }
                      }))
          .hasMessageContaining("longer than " + QmpClient.MAX_LINE_BYTES + " bytes");
    }
  }

  @Test
  void aPeerThatGoesAwayFailsTheCommandsThatWait() throws IOException {
    try (Peer peer = new Peer();
        QmpClient client =
            against(
                peer,
                LONG,
                p -> {
                  p.shakeHands();
                  p.read();
                  p.close();
                })) {
      assertThatThrownBy(() -> client.execute("stop", NONE, LONG))
          .hasMessageContaining("closed by QEMU");
      assertThatThrownBy(() -> client.execute("stop", NONE, LONG))
          .hasMessageContaining("closed by QEMU");
    }
  }

  @Test
  void qemuAnswersRefusesAndReportsItsEnd() throws Exception {
    Process qemu =
        new ProcessBuilder(
                HostProgram.QEMU.locate().toString(),
                "-M",
                "none",
                "-nodefaults",
                "-display",
                "none",
                "-qmp",
                "unix:" + socket() + ",server=on,wait=off")
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("qemu.log").toFile())
            .start();
    try {
      await().atMost(LONG).until(() -> Files.exists(socket()) || !qemu.isAlive());
      try (QmpClient client = QmpClient.connect(socket(), LONG, events::add)) {
        assertThat(client.execute("query-status", NONE, LONG).getBoolean("running")).isTrue();
        assertThatThrownBy(() -> client.execute("no-such-command", NONE, LONG))
            .hasMessageContaining("no-such-command");
        client.execute("quit", NONE, LONG);
        client.ended().get(20, TimeUnit.SECONDS);
      }
      assertThat(events)
          .anySatisfy(
              event -> {
                assertThat(event.name()).isEqualTo("SHUTDOWN");
                assertThat(event.data().getString("reason")).isEqualTo("host-qmp-quit");
              });
    } finally {
      qemu.destroyForcibly();
    }
  }
}
