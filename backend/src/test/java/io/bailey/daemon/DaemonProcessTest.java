package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A daemon as a process of its own, and the signals it gets. */
@Tag("slow")
@Timeout(120)
class DaemonProcessTest {
  private final List<Process> started = new ArrayList<>();
  private Path directory = Path.of("");

  /** What the child runs. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) throws IOException {
      List<DaemonExtension> extensions =
          arguments.length > 1 ? List.of(new NeverStops()) : List.of();
      System.exit(
          BaileyDaemon.run(
              RunningDaemon.options(Path.of(arguments[0])),
              extensions,
              socket -> System.out.println("ready " + socket)));
    }
  }

  /** An extension whose stop hangs. */
  static final class NeverStops implements DaemonExtension {
    @Override
    public void start(Context context) {}

    @Override
    public void stop() {
      System.err.println("hanging");
      try {
        TimeUnit.DAYS.sleep(1);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = Files.createTempDirectory("bailey-test");
  }

  @AfterEach
  void endAll() throws Exception {
    for (Process process : started) {
      process.destroyForcibly().waitFor();
    }
    RunningDaemon.clean(directory);
  }

  private Process startReady(String... more) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))));
    command.addAll(List.of(Child.class.getName(), directory.toString()));
    command.addAll(List.of(more));
    Process process =
        new ProcessBuilder(command).redirectError(directory.resolve("log").toFile()).start();
    started.add(process);
    BufferedReader output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    assertThat(output.readLine()).as(log()).isEqualTo("ready " + socket());
    return process;
  }

  private Path socket() {
    return directory.resolve("run/bailey.sock");
  }

  private String log() throws IOException {
    return Files.readString(directory.resolve("log"));
  }

  private static void signal(Process process, String name) throws Exception {
    assertThat(
            new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .inheritIO()
                .start()
                .waitFor())
        .isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void signal_stopsCleanly_andLeavesNoSocket(String name) throws Exception {
    Process daemon = startReady();
    signal(daemon, name);
    assertThat(daemon.waitFor()).as(log()).isZero();
    assertThat(socket()).doesNotExist();
    assertThat(log()).contains("serves store", "stopping", "stopped").doesNotContain("ERROR");
  }

  @Test
  void secondSignal_endsHard_andSaysWhatWasWaitedFor() throws Exception {
    Process daemon = startReady("hang");
    signal(daemon, "TERM");
    while (!log().contains("hanging")) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(daemon.isAlive()).isTrue();
    signal(daemon, "INT");
    assertThat(daemon.waitFor()).isEqualTo(1);
    assertThat(log()).contains("second signal: ended while waiting for the NeverStops");
  }

  @Test
  void deadline_endsAStopThatHangs() throws Exception {
    Process daemon = startReady("hang");
    signal(daemon, "TERM");
    assertThat(daemon.waitFor()).isEqualTo(1);
    assertThat(log()).contains("longer than 20 s: ended while waiting for the NeverStops");
  }

  @Test
  void killedDaemon_leavesItsSocket_andTheNextOneServes() throws Exception {
    Process first = startReady();
    first.destroyForcibly().waitFor();
    assertThat(socket()).exists();
    startReady();
    try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
      assertThat(client.isConnected()).isTrue();
    }
  }

  @Test
  void secondProcess_isToldWhichOneHasTheRunDirectory() throws Exception {
    Process first = startReady();
    assertThat(
            catchThrowable(
                () -> BaileyDaemon.start(RunningDaemon.options(directory), List.of()).close()))
        .hasMessageContaining("in use by process " + first.pid());
    assertThat(socket()).exists();
  }
}
