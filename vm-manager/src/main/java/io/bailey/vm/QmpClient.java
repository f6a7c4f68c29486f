package io.bailey.vm;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Speaks QEMU's control protocol (QMP) over its Unix socket: one JSON object a line. Thread-safe. A
 * virtual thread reads; each command waits for the reply with its id, up to its deadline. What
 * isn't QMP, or is too long, closes the connection.
 */
final class QmpClient implements AutoCloseable {
  static final int MAX_LINE_BYTES = 1 << 20;
  static final int MAX_PENDING_COMMANDS = 64;

  /** Something that QEMU reports by itself: {@code SHUTDOWN}, {@code GUEST_PANICKED}, … */
  record Event(String name, JsonObject data) {}

  private final Path path;
  private final SocketChannel socket;
  private final Consumer<Event> events;
  private final CompletableFuture<JsonObject> greeting = new CompletableFuture<>();
  private final Map<String, CompletableFuture<JsonObject>> pending = new ConcurrentHashMap<>();
  private final CompletableFuture<IOException> ended = new CompletableFuture<>();
  private final AtomicLong lastId = new AtomicLong();

  private QmpClient(Path path, SocketChannel socket, Consumer<Event> events) {
    this.path = path;
    this.socket = socket;
    this.events = events;
  }

  /**
   * Connects and shakes hands.
   *
   * @param events hears events on the reading thread, in order; must not wait for commands
   */
  static QmpClient connect(Path path, Duration timeout, Consumer<Event> events) throws IOException {
    SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
    QmpClient client = new QmpClient(path, socket, events);
    try {
      socket.connect(UnixDomainSocketAddress.of(path));
      Thread.ofVirtual().name("qmp-" + path).start(client::readAll);
      client.await(client.greeting, "greeting", timeout);
      client.execute("qmp_capabilities", new JsonObject(), timeout);
      return client;
    } catch (IOException e) {
      client.close();
      throw e;
    }
  }

  /** Sends a command and returns its result; an error reply is an exception with QEMU's words. */
  JsonObject execute(String command, JsonObject arguments, Duration timeout) throws IOException {
    if (pending.size() >= MAX_PENDING_COMMANDS) {
      throw failed(command, MAX_PENDING_COMMANDS + " commands wait for a reply already");
    }
    String id = Long.toString(lastId.incrementAndGet());
    CompletableFuture<JsonObject> reply = new CompletableFuture<>();
    pending.put(id, reply);
    try {
      if (ended.isDone()) {
        throw failed(command, String.valueOf(ended.join().getMessage()));
      }
      JsonObject request = new JsonObject().put("execute", command).put("id", id);
      if (!arguments.isEmpty()) {
        request.put("arguments", arguments);
      }
      send(ByteBuffer.wrap((request.encode() + "\n").getBytes(UTF_8)));
      JsonObject answer = await(reply, command, timeout);
      if (answer.getValue("error") instanceof JsonObject error) {
        throw failed(command, error.getString("desc", "refused"));
      }
      return answer.getValue("return") instanceof JsonObject result ? result : new JsonObject();
    } finally {
      pending.remove(id);
    }
  }

  /** Completes, with why, when the connection has ended and all its events were heard. */
  CompletableFuture<IOException> ended() {
    return ended;
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      end(e);
    }
    end(failed("connection", "closed"));
  }

  private synchronized void send(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      socket.write(bytes);
    }
  }

  private JsonObject await(CompletableFuture<JsonObject> reply, String what, Duration timeout)
      throws IOException {
    try {
      return reply.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw failed(what, "no answer within " + timeout.toMillis() + " ms");
    } catch (ExecutionException e) {
      throw failed(what, String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed(what, "interrupted");
    }
  }

  private void readAll() {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 14);
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      while (socket.read(buffer.clear()) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          byte next = buffer.get();
          if (next == '\n') {
            take(line.toString(UTF_8));
            line.reset();
          } else if (line.size() >= MAX_LINE_BYTES) {
            throw failed("reading", "a line is longer than " + MAX_LINE_BYTES + " bytes");
          } else {
            line.write(next);
          }
        }
      }
      end(failed("connection", "closed by QEMU"));
    } catch (IOException e) {
      end(e);
    } catch (RuntimeException e) {
      end(failed("reading", "not QMP: " + e.getMessage()));
    }
    close();
  }

  private void take(String line) {
    if (line.isBlank()) {
      return;
    }
    JsonObject message = new JsonObject(line);
    if (message.containsKey("QMP")) {
      greeting.complete(message);
    } else if (message.containsKey("event")) {
      JsonObject data = message.getValue("data") instanceof JsonObject d ? d : new JsonObject();
      events.accept(new Event(message.getString("event"), data));
    } else if (message.getValue("id") instanceof String id) {
      CompletableFuture<JsonObject> reply = pending.get(id);
      if (reply != null) {
        reply.complete(message);
      }
    }
  }

  private void end(IOException cause) {
    if (ended.complete(cause)) {
      greeting.completeExceptionally(cause);
      pending.values().forEach(reply -> reply.completeExceptionally(cause));
    }
  }

  private IOException failed(String what, String why) {
    return new IOException("QMP " + path + ": " + what + ": " + why);
  }
}
