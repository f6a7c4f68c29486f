package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.daemon.ControlClient.Answer;
import io.bailey.io.StorageException;
import io.bailey.volume.Durability;
import io.bailey.volume.VolumeSpec;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How a daemon begins and ends. */
class DaemonLifecycleTest {
  private Path directory = Path.of("");

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = Files.createTempDirectory("bailey-test");
  }

  @AfterEach
  void removeDirectory() throws IOException {
    RunningDaemon.clean(directory);
  }

  private BaileyDaemon start(DaemonExtension... extensions) throws IOException {
    return BaileyDaemon.start(RunningDaemon.options(directory), List.of(extensions));
  }

  private static String mode(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  @Test
  void socketsAndDirectories_areTheOwnersAlone() throws IOException {
    try (BaileyDaemon daemon = start()) {
      assertThat(daemon.controlSocket()).isEqualTo(directory.resolve("run/bailey.sock"));
      assertThat(mode(daemon.controlSocket())).isEqualTo("rw-------");
      assertThat(mode(directory.resolve("run"))).isEqualTo("rwx------");
      assertThat(mode(directory.resolve("run/nbd"))).isEqualTo("rwx------");
    }
  }

  @Test
  void stop_leavesNoSocket_andTheNextStartWorks() throws IOException {
    for (int round = 0; round < 3; round++) {
      BaileyDaemon daemon = start();
      assertThat(daemon.controlSocket()).exists();
      daemon.close();
      assertThat(daemon.controlSocket()).doesNotExist();
      assertThat(directory.resolve("run/nbd")).doesNotExist();
      assertThat(directory.resolve("run/bailey.pid")).doesNotExist();
    }
  }

  @Test
  void stop_leavesNothingInMemory() throws IOException {
    BaileyDaemon daemon = start();
    Path memory = RunningDaemon.memory(directory.resolve("store"));
    assertThat(memory).isDirectory();
    daemon.close();
    assertThat(memory).doesNotExist();
  }

  @Test
  void secondDaemon_isRefused_withTheProcessNamed_andTheFirstGoesOn() throws IOException {
    try (BaileyDaemon first = start()) {
      assertThatThrownBy(this::start)
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("in use by process " + ProcessHandle.current().pid())
          .hasMessageContaining("--run-dir")
          .hasFieldOrPropertyWithValue("kind", StorageException.Kind.IN_USE);
      assertThat(first.controlSocket()).exists();
    }
  }

  @Test
  void staleSockets_areReplaced() throws IOException {
    Path run = Files.createDirectories(directory.resolve("run/nbd/gone"));
    // As a daemon leaves it that is killed while it makes the socket.
    Files.createFile(directory.resolve("run/bailey.lock"));
    Path binding = Files.createDirectory(run.resolve(".n"));
    for (Path stale :
        List.of(
            directory.resolve("run/bailey.sock"), run.resolve("nbd.sock"), binding.resolve("s"))) {
      try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
        server.bind(UnixDomainSocketAddress.of(stale));
      }
      assertThat(stale).exists();
    }
    try (BaileyDaemon daemon = start()) {
      assertThat(run).doesNotExist();
      assertThat(daemon.controlSocket()).exists();
    }
  }

  @Test
  void runDirectoryTooLongForASocket_isRefused_andNotMade() {
    Path run = directory.resolve("r".repeat(100));
    DaemonOptions given = RunningDaemon.options(directory);
    DaemonOptions options =
        new DaemonOptions(given.store(), run, given.memoryBudgetBytes(), given.loopbackPort());
    assertThatThrownBy(() -> BaileyDaemon.start(options, List.of()))
        .hasMessageContaining("the system allows 107")
        .hasMessageContaining("--run-dir")
        .hasMessageNotContaining("\n")
        .hasFieldOrPropertyWithValue("kind", StorageException.Kind.INVALID);
    assertThat(run).doesNotExist();
    assertThat(given.store()).doesNotExist();
  }

  @Test
  void runDirectoryThatIsAFile_isRefused() throws IOException {
    Files.writeString(directory.resolve("run"), "");
    assertThatThrownBy(this::start)
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("cannot use run directory " + directory.resolve("run"));
  }

  @Test
  void runDirectoryThatOthersUse_isRefused_andKeepsItsMode() throws IOException {
    Path run = Files.createDirectory(directory.resolve("run"));
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxrwxrwx"));
    Files.writeString(run.resolve("theirs"), "");
    assertThatThrownBy(this::start)
        .isInstanceOf(StorageException.class)
        .hasMessageContaining(run + ": others use it; give another with --run-dir");
    assertThat(mode(run)).isEqualTo("rwxrwxrwx");
    Files.delete(run.resolve("theirs"));
    start().close();
    assertThat(mode(run)).isEqualTo("rwx------");
    Files.writeString(run.resolve("theirs"), "");
    start().close();
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxr-x---"));
    start().close();
    assertThat(mode(run)).isEqualTo("rwx------");
  }

  /** Extensions must find volumes served while they stop, and sockets closed to new commands. */
  @Test
  void extension_stopsWhileVolumesAreServed() throws IOException {
    List<String> seen = new ArrayList<>();
    DaemonExtension extension =
        new DaemonExtension() {
          private Optional<StorageService> storage = Optional.empty();

          @Override
          public void start(Context context) throws IOException {
            storage = Optional.of(context.storage());
            Path socket =
                context
                    .storage()
                    .createVolume("v", new VolumeSpec(Optional.empty(), 4096, Durability.NONE))
                    .socket();
            seen.add("started " + Files.exists(socket));
          }

          @Override
          public void stop() {
            seen.add("served " + Files.exists(storage.orElseThrow().volume("v").get().socket()));
          }
        };
    start(extension).close();
    assertThat(seen).containsExactly("started true", "served true");
  }

  @Test
  void failedStart_undoesWhatItDid() throws IOException {
    DaemonExtension broken =
        new DaemonExtension() {
          @Override
          public void start(Context context) throws IOException {
            throw new StorageException(StorageException.Kind.INVALID, "no QEMU here");
          }

          @Override
          public void stop() {}
        };
    assertThatThrownBy(() -> start(broken)).hasMessage("no QEMU here");
    start().close();
  }

  /** What it took up, VMs say, goes on and has its disk when the next daemon starts. */
  @Test
  void failedStart_leavesWhatExtensionsTookUp() throws IOException {
    List<String> seen = new ArrayList<>();
    DaemonExtension vms =
        new DaemonExtension() {
          @Override
          public void start(Context context) {
            seen.add("start");
          }

          @Override
          public void stop() {
            seen.add("stop");
          }

          @Override
          public void leave() {
            seen.add("leave");
          }
        };
    start().close();
    Path inTheWay = Files.createDirectories(directory.resolve("run/.c/s/file"));
    assertThatThrownBy(() -> start(vms)).isInstanceOf(IOException.class);
    Files.delete(inTheWay);
    start(vms).close();
    assertThat(seen).containsExactly("start", "leave", "start", "stop");
  }

  @Test
  void takenLoopbackPort_isNoticedBeforeExtensionsStart() throws IOException {
    AtomicBoolean started = new AtomicBoolean();
    DaemonExtension extension =
        new DaemonExtension() {
          @Override
          public void start(Context context) {
            started.set(true);
          }

          @Override
          public void stop() {}
        };
    DaemonOptions given = RunningDaemon.options(directory);
    try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      DaemonOptions taken =
          new DaemonOptions(
              given.store(),
              given.runDirectory(),
              given.memoryBudgetBytes(),
              OptionalInt.of(other.getLocalPort()));
      assertThatThrownBy(() -> BaileyDaemon.start(taken, List.of(extension)))
          .hasMessageContaining(Integer.toString(other.getLocalPort()));
    }
    assertThat(started).isFalse();
  }

  @Test
  void metrics_tellOfEachVolumeAndOfTheJvm_onTheSocketAndOnLoopback() throws IOException {
    try (RunningDaemon bailey = RunningDaemon.start()) {
      bailey.post("/v1/volumes", new JsonObject().put("name", "data").put("size", 4096));
      Answer onSocket = bailey.get("/metrics");
      Answer onLoopback =
          bailey.ask(
              new RequestOptions()
                  .setMethod(HttpMethod.GET)
                  .setHost("127.0.0.1")
                  .setPort(bailey.daemon.loopbackPort().getAsInt())
                  .setURI("/metrics"),
              "");
      for (Answer answer : List.of(onSocket, onLoopback)) {
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.contentType()).startsWith("text/plain");
        assertThat(answer.body())
            .contains(
                "bailey_requests_total{kind=\"read\",volume=\"data\"} 0.0",
                "bailey_request_bytes_total{kind=\"read\",volume=\"data\"} 0.0",
                "bailey_request_latency_seconds{kind=\"read\",volume=\"data\",quantile=\"0.999\"}",
                "bailey_queue_depth{volume=\"data\"} 0.0",
                "bailey_buffer_bytes{volume=\"data\"}",
                "bailey_journal_bytes{volume=\"data\"}",
                "bailey_host_written_bytes_total{volume=\"data\"}",
                "bailey_read_blocks_total{source=\"cache\",volume=\"data\"}",
                "bailey_volumes 1.0",
                "jvm_memory_used_bytes");
      }
      bailey.delete("/v1/volumes/data");
      assertThat(bailey.get("/metrics").body())
          .contains("bailey_volumes 0.0")
          .doesNotContain("volume=\"data\"");
    }
  }

  /** Shows that the checker which every other test relies on does see a blocked loop. */
  @Test
  void blockedEventLoop_isNoticed() throws Exception {
    CompletableFuture<Void> blocked = new CompletableFuture<>();
    DaemonExtension rude =
        new DaemonExtension() {
          @Override
          public void start(Context context) {
            context
                .vertx()
                .runOnContext(
                    now -> {
                      try {
                        TimeUnit.SECONDS.sleep(4);
                        blocked.complete(null);
                      } catch (InterruptedException e) {
                        blocked.completeExceptionally(e);
                      }
                    });
          }

          @Override
          public void stop() {}
        };
    try (BaileyDaemon daemon = start(rude)) {
      blocked.get();
      assertThat(NoBlockedEventLoop.take()).contains("has been blocked for");
      assertThat(daemon.controlSocket()).exists();
    }
  }
}
