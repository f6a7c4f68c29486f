package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.daemon.ControlClient.Answer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A daemon in a process of its own, started any number of times on the same directories; its log is
 * one file. Closing ends it and removes what it left. With {@code
 * -Dbailey.distribution=target/dist/current} (an absolute path) it is that one's, as a user starts
 * it.
 */
public final class DaemonProcess implements AutoCloseable {
  private static final String DISTRIBUTION = System.getProperty("bailey.distribution", "");

  final Path directory;
  private final ControlClient client;
  private final List<Process> started = new ArrayList<>();

  /** What the child runs. Arguments: directory, and "hang" for an extension that never stops. */
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

  public DaemonProcess() throws IOException {
    this(Files.createTempDirectory("bailey-test"));
  }

  DaemonProcess(Path directory) {
    this.directory = directory;
    this.client = new ControlClient(controlSocket());
  }

  /** Starts it, and returns once it serves. */
  public Process start(String... more) throws IOException {
    List<String> command = new ArrayList<>();
    // A shell's background job ignores INT, and what it starts inherits that.
    command.addAll(List.of("env", "--default-signal=INT,TERM,HUP"));
    command.addAll(DISTRIBUTION.isEmpty() ? ofClassPath() : ofDistribution());
    command.addAll(List.of(more));
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectError(ProcessBuilder.Redirect.appendTo(directory.resolve("log").toFile()))
            .start();
    started.add(process);
    BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
    assertThat(output.readLine()).as(log()).isEqualTo("ready " + controlSocket());
    return process;
  }

  private List<String> ofDistribution() {
    return List.of(
        Path.of(DISTRIBUTION, "bailey").toString(),
        "daemon",
        "--store",
        store().toString(),
        "--run-dir",
        directory.resolve("run").toString(),
        "--memory",
        "64M");
  }

  private List<String> ofClassPath() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-ea",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:TieredStopAtLevel=1",
            "-Xmx512m"));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))));
    command.addAll(List.of(Child.class.getName(), directory.toString()));
    return command;
  }

  public Process process() {
    return started.getLast();
  }

  /** SIGKILL. */
  void kill() throws InterruptedException {
    process().destroyForcibly().waitFor();
  }

  void signal(String name) throws IOException, InterruptedException {
    assertThat(
            new ProcessBuilder("kill", "-" + name, Long.toString(process().pid()))
                .inheritIO()
                .start()
                .waitFor())
        .isZero();
  }

  /** A clean stop. */
  void stop() throws IOException, InterruptedException {
    signal("TERM");
    assertThat(process().waitFor()).as(log()).isZero();
  }

  Path controlSocket() {
    return directory.resolve("run/bailey.sock");
  }

  Path store() {
    return RunningDaemon.options(directory).store();
  }

  /** Where what outlives the process but no power cut lies. */
  Path memory() throws IOException {
    return RunningDaemon.memory(store());
  }

  String log() throws IOException {
    return Files.readString(directory.resolve("log"));
  }

  Answer get(String path) {
    return client.ask(HttpMethod.GET, path, "");
  }

  Answer post(String path, JsonObject body) {
    return client.ask(HttpMethod.POST, path, body.encode());
  }

  Answer delete(String path) {
    return client.ask(HttpMethod.DELETE, path, "");
  }

  /** Makes an empty volume and returns its socket. */
  public Path create(String name, long size, String durability) {
    return create(
        new JsonObject().put("name", name).put("size", size).put("durability", durability));
  }

  /** Makes a fork of an image and returns its socket. */
  Path fork(String name, String image, String durability) {
    return create(
        new JsonObject().put("name", name).put("from", image).put("durability", durability));
  }

  private Path create(JsonObject spec) {
    Answer made = post("/v1/volumes", spec);
    assertThat(made.status()).as(made.body()).isEqualTo(201);
    return Path.of(made.object().getString("socket"));
  }

  void importImage(String name, Path disk) {
    Answer answer =
        post("/v1/images", new JsonObject().put("name", name).put("path", disk.toString()));
    assertThat(answer.body()).contains("\"image\"");
  }

  public static String uri(String volume, Path socket) {
    return "nbd+unix:///" + volume + "?socket=" + socket;
  }

  @Override
  public void close() throws IOException {
    client.close();
    // Not for one that has ended: its number may be another process's, whose end would be awaited.
    started.stream().filter(Process::isAlive).forEach(p -> p.destroyForcibly().onExit().join());
    RunningDaemon.clean(directory);
  }
}
