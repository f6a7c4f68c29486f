package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.daemon.ControlClient.Answer;
import io.bailey.nbd.Tool;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who reaches what on a daemon's sockets. Needs root, to be somebody else. */
class AccessTest {
  private static final List<String> AS_NOBODY =
      List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");

  private RunningDaemon bailey;

  @BeforeEach
  void start() throws IOException {
    bailey = RunningDaemon.start();
  }

  @AfterEach
  void stop() throws IOException {
    bailey.close();
  }

  private Path create(String name) {
    Answer made =
        bailey.post("/v1/volumes", new JsonObject().put("name", name).put("size", 1 << 20));
    assertThat(made.status()).as(made.body()).isEqualTo(201);
    return Path.of(made.object().getString("socket"));
  }

  private static String mode(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  private static Tool as(List<String> who, String... command) throws IOException {
    List<String> all = new ArrayList<>(who);
    all.addAll(List.of(command));
    return Tool.tryRun(Duration.ofSeconds(20), all);
  }

  /** Asks for the daemon's version; prints the first line of the answer, or that there is none. */
  private Tool ask(List<String> who) throws IOException {
    String script =
        """
        import socket, sys
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        try:
            s.sendall(b'GET /v1/info HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
            answer = s.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            answer = b''
        print(answer.decode().split('\\r\\n')[0] or 'nothing')
        """;
    return as(who, "/usr/bin/python3", "-c", script, bailey.daemon.controlSocket().toString());
  }

  @Test
  void everySocket_isItsOwnersAlone_inADirectoryThatIsToo() throws IOException {
    Path volume = create("v");
    for (Path socket : List.of(volume, bailey.daemon.controlSocket())) {
      assertThat(mode(socket)).as("%s", socket).isEqualTo("rw-------");
      assertThat(mode(socket.resolveSibling("."))).as("%s", socket).isEqualTo("rwx------");
      Tool refused = as(AS_NOBODY, "socat", "-u", "UNIX-CONNECT:" + socket, "OPEN:/dev/null");
      assertThat(refused.exitCode()).isNotZero();
      assertThat(refused.err()).contains("Permission denied");
    }
    try (var files = Files.list(bailey.directory.resolve("run"))) {
      assertThat(files.map(file -> String.valueOf(file.getFileName())))
          .containsExactlyInAnyOrder("bailey.sock", "bailey.lock", "bailey.pid", "nbd");
    }
  }

  @Test
  void anotherUser_isRefusedByTheControlSocket_thoughItsFileLetsThemIn() throws IOException {
    for (Path path :
        List.of(bailey.directory, bailey.directory.resolve("run"), bailey.daemon.controlSocket())) {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxrwx"));
    }
    Tool refused = ask(AS_NOBODY);
    assertThat(refused.exitCode()).as(refused.err()).isZero();
    assertThat(refused.out()).isEqualTo("nothing\n");
    assertThat(ask(List.of()).out()).isEqualTo("HTTP/1.1 200 OK\n");
  }

  @Test
  void aVolumesSocket_leadsToThatVolumeAlone() throws IOException {
    Path socket = create("a");
    create("b");
    Tool.run("nbdinfo", DaemonProcess.uri("a", socket));
    assertThat(as(List.of(), "nbdinfo", DaemonProcess.uri("b", socket)).exitCode()).isNotZero();
    String list = Tool.run("nbdinfo", "--list", "nbd+unix:///?socket=" + socket).out();
    assertThat(list).contains("export=\"a\"").doesNotContain("export=\"b\"");
  }
}
