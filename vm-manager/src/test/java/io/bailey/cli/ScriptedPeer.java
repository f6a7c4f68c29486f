package io.bailey.cli;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/** A server on a control socket that answers one connection with given bytes and hangs up. */
final class ScriptedPeer implements AutoCloseable {
  /** Writes an answer, in as many pieces as it likes. */
  interface Script {
    void answer(SocketChannel client) throws IOException;
  }

  private final ServerSocketChannel server;
  private final CompletableFuture<String> request = new CompletableFuture<>();

  private ScriptedPeer(ServerSocketChannel server) {
    this.server = server;
  }

  static ScriptedPeer answering(Path runDirectory, String answer) throws IOException {
    byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
    return answering(
        runDirectory,
        client -> {
          // One byte at a time, so that no reader gets away with a whole line in one piece.
          for (byte b : bytes) {
            client.write(ByteBuffer.wrap(new byte[] {b}));
          }
        });
  }

  static ScriptedPeer answering(Path runDirectory, Script script) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(runDirectory.resolve("bailey.sock")));
    ScriptedPeer peer = new ScriptedPeer(server);
    Thread.ofPlatform().daemon().name("scripted peer").start(() -> peer.serve(script));
    return peer;
  }

  private void serve(Script script) {
    try (SocketChannel client = server.accept()) {
      ByteBuffer buffer = ByteBuffer.allocate(64 << 10);
      client.read(buffer);
      request.complete(new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8));
      script.answer(client);
    } catch (IOException e) {
      // The client hung up, which some tests are about.
      request.completeExceptionally(e);
    }
  }

  /** The first bytes that the client sent. */
  String request() {
    return request.join();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
