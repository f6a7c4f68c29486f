package io.bailey.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkKind;
import io.bailey.chunk.ChunkOutput;
import io.bailey.chunk.ChunkStore;
import io.bailey.io.LocalFiles;
import io.bailey.volume.ChunkSource;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A chunk from nginx is the one that was asked for, or is refused in time with the reason. */
@Timeout(60)
final class HttpChunksTest {
  private static final Duration SHORT = Duration.ofMillis(500);
  private static final Duration LONG = Duration.ofSeconds(30);

  @TempDir Path directory;

  private Path served;
  private Path place;
  private ChunkStore store;
  private Chunk chunk;
  private byte[] bytes;
  private Nginx nginx;

  @BeforeEach
  void serve() throws IOException {
    LocalFiles files = new LocalFiles();
    served = directory.resolve("served");
    ChunkStore published = new ChunkStore(files, served, 8);
    bytes = new byte[300_000];
    new Random(1).nextBytes(bytes);
    Chunk there;
    try (ChunkOutput out = published.newOutput(ChunkKind.VALUES)) {
      out.write(bytes, 0, bytes.length);
      there = out.finish();
    }
    bytes = Files.readAllBytes(Path.of(there.toString()));
    published.close();
    store = new ChunkStore(files, directory.resolve("chunks"), 8);
    chunk = store.acquire(ChunkKind.VALUES, there.id(), there.size());
    place = Path.of(chunk.toString());
    nginx = new Nginx(directory.resolve("nginx"), served);
  }

  @AfterEach
  void stop() {
    nginx.close();
    store.close();
  }

  private void restore(String url, Duration timeout) throws IOException {
    try (ChunkSource source = new HttpChunks(URI.create(url), timeout);
        InputStream in = source.open(chunk.id().toString(), chunk.size())) {
      store.restore(chunk, in);
    }
  }

  private void refused(String url, String why) {
    refused(url, LONG, why);
  }

  private void refused(String url, Duration timeout, String why) {
    assertThatThrownBy(() -> restore(url, timeout)).hasMessageContaining(why);
    assertThat(directory.resolve("chunks")).as("nothing is left over").isEmptyDirectory();
  }

  private void publish(byte[] content) throws IOException {
    Files.write(served.resolve(chunk.id().toString()), content);
  }

  @Test
  void aChunkComes_andIsWhole() throws Exception {
    restore(nginx.url("/"), LONG);
    assertThat(place).hasBinaryContent(bytes);
    Files.write(place, new byte[5]);
    try (ChunkSource source = ChunkSources.of(nginx.url(""));
        InputStream in = source.open(chunk.id().toString(), chunk.size())) {
      store.restore(chunk, in);
    }
    assertThat(place).hasBinaryContent(bytes);
    Files.delete(place);
  }

  @Test
  void wrongContent_wrongLength_andWhatIsMissing_areRefused() throws Exception {
    byte[] wrong = bytes.clone();
    wrong[1000] ^= 1;
    publish(wrong);
    refused(nginx.url("/"), "SHA-256");
    publish(Arrays.copyOf(bytes, bytes.length + 1));
    refused(nginx.url("/"), "has 300009 bytes, not 300008");
    publish(new byte[0]);
    refused(nginx.url("/"), "has 0 bytes");
    refused(nginx.url("/none/"), "isn't there: status 404");
  }

  @Test
  void aRedirect_isNotFollowed_andACoding_isRefused() {
    refused(nginx.url("/moved/"), "leads elsewhere (status 302)");
    refused(nginx.url("/coded/"), "coding that wasn't asked for");
  }

  @Test
  void aServerThatStopsInTheMiddle_isGivenUp() {
    refused(nginx.url("/slow/"), Duration.ofSeconds(2), "sends nothing, or too slowly");
  }

  @Test
  void aServerThatNeverAnswers_orIsNotThere_isGivenUp() throws Exception {
    int port;
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      port = silent.getLocalPort();
      refused("http://127.0.0.1:" + port + "/", SHORT, "can't get http://127.0.0.1:" + port);
    }
    refused("http://127.0.0.1:" + port + "/", SHORT, "can't get http://127.0.0.1:" + port);
  }

  /** Where a server may be silent for an hour. */
  @ParameterizedTest
  @ValueSource(strings = {"", "HTTP/1.1 200 OK\r\n\r\n"})
  void closingASource_endsWhatWaitsForIt(String head) throws Exception {
    CountDownLatch opened = new CountDownLatch(1);
    CompletableFuture<Integer> waiting = new CompletableFuture<>();
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      URI url = URI.create("http://127.0.0.1:" + server.getLocalPort() + "/");
      ChunkSource source = new HttpChunks(url, Duration.ofHours(1));
      Thread.startVirtualThread(
          () -> {
            try (InputStream in = source.open(chunk.id().toString(), chunk.size())) {
              opened.countDown();
              waiting.complete(in.read());
            } catch (IOException | RuntimeException e) {
              waiting.completeExceptionally(e);
            }
          });
      try (var socket = server.accept()) {
        socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        if (!head.isEmpty()) {
          opened.await();
        }
        source.close();
        assertThatThrownBy(waiting::get).hasCauseInstanceOf(IOException.class);
      }
    }
  }

  /** A body that says no length may be any: it is cut where the chunk would end. */
  @Test
  void aBodyWithoutEnd_isCutOff() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread sender = Thread.ofPlatform().daemon().start(() -> sendForEver(server));
      refused("http://127.0.0.1:" + server.getLocalPort() + "/", "more than its 300008 bytes");
      sender.join();
    }
  }

  private void sendForEver(ServerSocket server) {
    try (var socket = server.accept();
        var out = socket.getOutputStream()) {
      out.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      while (true) {
        out.write(bytes);
      }
    } catch (IOException e) {
      // The client went.
    }
  }

  @Test
  void aSource_isAURLWithoutSecrets_orADirectory() throws Exception {
    for (String wrong :
        new String[] {
          "ftp://host/x",
          "http://",
          "http://user:pw@host/",
          "http://host/?a=b",
          "http://host/#x",
          "http://a b/",
          "relative",
          "/none/of/such",
          "file:///etc"
        }) {
      assertThatThrownBy(() -> ChunkSources.of(wrong)).as(wrong).hasMessageContaining(wrong);
    }
    Path fifo = served.resolve("0".repeat(64));
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    try (ChunkSource source = ChunkSources.of(served.toString())) {
      assertThatThrownBy(() -> source.open("0".repeat(64), 9)).hasMessageContaining("has no file");
      assertThatCode(() -> source.open(chunk.id().toString(), 9).close())
          .doesNotThrowAnyException();
    }
  }
}
