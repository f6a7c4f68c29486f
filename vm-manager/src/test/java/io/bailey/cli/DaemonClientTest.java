package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class DaemonClientTest {
  @TempDir private Path directory = Path.of("");

  private DaemonClient client() {
    return new DaemonClient(directory);
  }

  @Test
  void a_body_with_a_length_is_read() throws IOException {
    try (ScriptedPeer peer =
        ScriptedPeer.answering(
            directory, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\":\"µ\"}")) {
      assertThat(client().get("volumes", "a b/c").string("a")).isEqualTo("µ");
      assertThat(peer.request()).startsWith("GET /v1/volumes/a%20b%2Fc HTTP/1.1\r\n");
    }
  }

  @Test
  void a_body_in_chunks_is_read() throws IOException {
    String answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, answer)) {
      assertThat(client().get("info").number("a")).isEqualTo(1);
      assertThat(peer.request()).contains("Connection: close");
    }
  }

  @Test
  void a_body_up_to_the_end_is_read() throws IOException {
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, "HTTP/1.0 200 OK\r\n\r\n[{},{}]")) {
      assertThat(client().list("volumes")).hasSize(2);
      assertThat(peer.request()).isNotEmpty();
    }
  }

  @Test
  void a_refusal_has_the_daemons_words_and_kind() throws IOException {
    String body = "{\"error\":\"volume a exists\",\"kind\":\"EXISTS\"}";
    try (ScriptedPeer peer =
        ScriptedPeer.answering(
            directory,
            "HTTP/1.1 409 Conflict\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)) {
      assertThatThrownBy(() -> client().post(JsonObject.empty().with("name", "a"), "volumes"))
          .isInstanceOfSatisfying(
              DaemonException.class, e -> assertThat(e.kind()).isEqualTo("EXISTS"))
          .hasMessage("volume a exists");
      assertThat(peer.request()).contains("Content-Length: 12").endsWith("{\"name\":\"a\"}");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "garbage\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}garbage",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\n<htm>"
      })
  void an_answer_that_is_wrong_or_cut_off_is_an_error(String answer) throws IOException {
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, answer)) {
      assertThatThrownBy(() -> client().get("info"))
          .isInstanceOf(IOException.class)
          .message()
          .isNotBlank()
          .doesNotContain("\n");
      assertThat(peer.request()).startsWith("GET ");
    }
  }

  @Test
  void endless_headers_are_cut_off() throws IOException {
    assertEndlessIsRefused("HTTP/1.1 200 OK\r\n", "X: y\r\n", "16 KiB of headers");
  }

  @Test
  void an_endless_line_of_progress_is_cut_off() throws IOException {
    ScriptedPeer.Script endless = endless("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(1024));
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, endless)) {
      assertThatThrownBy(() -> client().importImage("a", directory, (done, total) -> {}))
          .hasMessageContaining("16 million characters");
      assertThat(peer.request()).startsWith("POST /v1/images ");
    }
  }

  @Test
  void an_endless_body_is_cut_off() throws IOException {
    assertEndlessIsRefused("HTTP/1.1 200 OK\r\n\r\n", "[".repeat(1 << 20), "longer than");
  }

  private void assertEndlessIsRefused(String first, String again, String words) throws IOException {
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, endless(first, again))) {
      assertThatThrownBy(() -> client().get("info")).hasMessageContaining(words);
      assertThat(peer.request()).startsWith("GET ");
    }
  }

  private static ScriptedPeer.Script endless(String first, String again) {
    return socket -> {
      socket.write(ByteBuffer.wrap(first.getBytes(StandardCharsets.UTF_8)));
      while (true) {
        socket.write(ByteBuffer.wrap(again.getBytes(StandardCharsets.UTF_8)));
      }
    };
  }

  @Test
  void an_import_reports_progress_and_returns_the_image() throws IOException {
    String answer =
        """
        HTTP/1.1 200 OK

        {"done":1,"total":2}
        {"done":2,"total":2}
        {"image":{"name":"a:1"}}
        """;
    List<Long> heard = new ArrayList<>();
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, answer)) {
      JsonObject image = client().importImage("a:1", directory, (done, total) -> heard.add(done));
      assertThat(image.string("name")).isEqualTo("a:1");
      assertThat(peer.request()).contains("\"path\":\"" + directory + "\"");
    }
    assertThat(heard).containsExactly(1L, 2L);
  }

  @Test
  void progress_is_heard_while_the_import_goes_on() throws IOException {
    CountDownLatch heard = new CountDownLatch(1);
    ScriptedPeer.Script script =
        socket -> {
          send(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
          send(socket, chunk("{\"done\":1,\"total\":2}\n"));
          awaitLatch(heard);
          send(socket, chunk("{\"image\":{\"name\":\"a:1\"}}\n") + "0\r\n\r\n");
        };
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, script)) {
      client().importImage("a:1", directory, (done, total) -> heard.countDown());
      assertThat(peer.request()).startsWith("POST ");
    }
  }

  private static void send(SocketChannel socket, String text) throws IOException {
    socket.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static String chunk(String text) {
    return Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
  }

  private static void awaitLatch(CountDownLatch latch) throws IOException {
    try {
      if (!latch.await(20, TimeUnit.SECONDS)) {
        throw new IOException("nothing was heard");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\n\r\n{\"done\":1,\"total\":2}\n",
        "HTTP/1.1 200 OK\r\n\r\n{\"done\":1,\"total\":2}\n{\"error\":\"x\",\"kind\":\"NO_SPACE\"}\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{"
      })
  void an_import_that_did_not_end_well_is_an_error(String answer) throws IOException {
    try (ScriptedPeer peer = ScriptedPeer.answering(directory, answer)) {
      assertThatThrownBy(() -> client().importImage("a:1", directory, (done, total) -> {}))
          .isInstanceOf(IOException.class);
      assertThat(peer.request()).startsWith("POST ");
    }
  }

  @Test
  void a_console_is_copied_byte_for_byte() throws IOException {
    ByteArrayOutputStream copy = new ByteArrayOutputStream();
    try (ScriptedPeer peer =
        ScriptedPeer.answering(
            directory,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\u001bx\r\n0\r\n\r\n")) {
      client().console("vm", true, copy);
      assertThat(peer.request()).startsWith("GET /v1/vms/vm/log?follow=true ");
    }
    assertThat(copy.toByteArray()).containsExactly(0x1b, 'x');
  }

  @Test
  void without_a_daemon_it_says_how_to_start_one() {
    assertThatThrownBy(() -> client().get("info"))
        .hasMessageContaining("bailey daemon --run-dir " + directory);
  }

  @Test
  void with_the_socket_of_a_dead_daemon_it_says_how_to_start_one() throws IOException {
    // Without a thread that accepts, which would keep the socket open a while.
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(directory.resolve("bailey.sock")));
    }
    assertThat(Files.exists(directory.resolve("bailey.sock"))).isTrue();
    assertThatThrownBy(() -> client().get("info")).hasMessageContaining("bailey daemon --run-dir");
  }

  @Test
  void a_run_directory_too_long_for_a_socket_is_an_error_of_one_line() {
    DaemonClient far = new DaemonClient(directory.resolve("x".repeat(120)));
    assertThatThrownBy(() -> far.get("info")).isInstanceOf(IOException.class);
  }
}
