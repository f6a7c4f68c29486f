package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.daemon.ImportRouteTest.Rig.Client;
import io.bailey.nbd.NbdServer;
import io.bailey.volume.DiskSource;
import io.bailey.volume.Store;
import io.bailey.volume.StoreOptions;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.ext.web.Router;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Imports that are cut off, from a disk that never ends by itself. */
@Timeout(60)
class ImportRouteTest {

  /** A route on a socket of its own, whose sources go on until they are cancelled. */
  static final class Rig implements AutoCloseable {
    final Path directory = Files.createTempDirectory("bailey-import");
    final AtomicInteger opened = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();
    final RunDirectory run = RunDirectory.take(directory.resolve("run"));
    final Store store =
        Store.open(
            new StoreOptions(directory.resolve("store"), directory.resolve("memory"), 64 << 20));
    final NbdServer server = new NbdServer();
    final Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    final ImportRoute route;
    final ControlServer control;

    Rig() throws IOException {
      Files.createDirectories(directory.resolve("memory"));
      StorageHost storage = new StorageHost(store, server, run);
      route = new ImportRoute(vertx, storage, path -> new Endless());
      Router router = ControlServer.router(vertx);
      router.post("/v1/images").handler(route::handle);
      control = ControlServer.onSocket(vertx, router, run);
    }

    /** Always reads the same block, so that a store has nothing to keep. */
    final class Endless implements DiskSource {
      Endless() {
        opened.incrementAndGet();
      }

      @Override
      public long size() {
        return 1L << 40;
      }

      @Override
      public long nextData(long offset) throws IOException {
        try {
          TimeUnit.MILLISECONDS.sleep(5);
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
        return offset;
      }

      @Override
      public void read(long offset, byte[] dst, int dstOffset, int length) {}

      @Override
      public void close() {
        closed.incrementAndGet();
      }
    }

    Client post(String image) throws IOException {
      return new Client(image);
    }

    /** A client that asks and reads line by line. */
    final class Client implements AutoCloseable {
      private final SocketChannel channel;
      private final BufferedReader lines;

      Client(String image) throws IOException {
        channel = SocketChannel.open(UnixDomainSocketAddress.of(run.controlSocket()));
        String body = "{\"name\":\"" + image + "\",\"path\":\"/endless\"}";
        String request =
            "POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                + body.length()
                + "\r\n\r\n"
                + body;
        channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
        lines = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
      }

      /** Reads on to the first line that has these words. */
      String lineWith(String words) throws IOException {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          if (line.contains(words)) {
            return line;
          }
        }
        throw new AssertionError("no line with " + words);
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    }

    @Override
    public void close() throws IOException {
      try {
        route.stop();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      control.stop();
      vertx.close().toCompletionStage().toCompletableFuture().join();
      server.close();
      store.close();
      run.close();
      RunningDaemon.deleteTree(directory);
    }
  }

  @Test
  void clientThatGoesAway_endsItsImport_andNothingIsNamed() throws Exception {
    try (Rig rig = new Rig()) {
      try (Client client = rig.post("a")) {
        client.lineWith("\"done\":");
        assertThat(rig.closed).hasValue(0);
      }
      await().untilAsserted(() -> assertThat(rig.closed).hasValue(1));
      assertThat(rig.store.images()).isEmpty();
    }
  }

  @Test
  void stop_endsImports_andTellsTheClientWhy() throws Exception {
    try (Rig rig = new Rig();
        Client client = rig.post("a")) {
      client.lineWith("\"done\":");
      rig.route.stop();
      assertThat(client.lineWith("\"error\":")).contains("the daemon is stopping", "CLOSED");
      assertThat(rig.closed).hasValue(1);
      assertThat(rig.store.images()).isEmpty();
      try (Client late = rig.post("b")) {
        late.lineWith("503");
      }
    }
  }

  @Test
  void importsOverTheLimit_areTurnedAway() throws Exception {
    List<Client> clients = new ArrayList<>();
    try (Rig rig = new Rig()) {
      for (int i = 0; i < ImportRoute.IMPORTS_LIMIT; i++) {
        Client client = rig.post("a" + i);
        clients.add(client);
        client.lineWith("\"done\":");
      }
      try (Client oneTooMany = rig.post("b")) {
        oneTooMany.lineWith("409");
      }
      assertThat(rig.opened).hasValue(ImportRoute.IMPORTS_LIMIT);
    } finally {
      for (Client client : clients) {
        client.close();
      }
    }
  }
}
