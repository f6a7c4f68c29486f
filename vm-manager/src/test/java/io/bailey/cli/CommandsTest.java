package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.cli.CommandLineTest.Outcome;
import io.bailey.daemon.BaileyDaemon;
import io.bailey.daemon.DaemonOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The commands against a daemon that serves a real store over its real socket. */
class CommandsTest {
  private static final long MIB = 1 << 20;

  private Path directory = Path.of("");
  private BaileyDaemon daemon;

  @BeforeEach
  void start() throws IOException {
    // Not JUnit's directory: its path can be too long for a Unix socket.
    directory = Files.createTempDirectory(Path.of("/tmp"), "bailey-cli-");
    daemon =
        BaileyDaemon.start(
            new DaemonOptions(
                directory.resolve("store"),
                directory.resolve("run"),
                64 * MIB,
                OptionalInt.empty()),
            List.of());
  }

  @AfterEach
  void stop() throws IOException {
    daemon.close();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private Outcome bailey(String... words) {
    List<String> all = new ArrayList<>(Arrays.asList(words));
    all.add("--run-dir");
    all.add(directory.resolve("run").toString());
    return Outcome.of(all.toArray(String[]::new));
  }

  private Outcome done(String... words) {
    Outcome outcome = bailey(words);
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.code()).isZero();
    return outcome;
  }

  private Outcome failed(String... words) {
    Outcome outcome = bailey(words);
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err().lines()).hasSize(1);
    return outcome;
  }

  private void importDisk(String name) throws IOException {
    Path disk = directory.resolve("disk.raw");
    Files.write(disk, new byte[(int) MIB]);
    done("import", disk.toString(), name);
    Files.delete(disk);
  }

  @Test
  void create_prints_a_uri_and_a_drive_line_for_each_name() {
    Outcome outcome = done("create", "a", "b", "--size", "1M");
    Path socket = directory.resolve("run/nbd/a/nbd.sock");
    assertThat(outcome.out().lines()).hasSize(4);
    assertThat(outcome.out().lines().findFirst()).hasValue("nbd+unix:///a?socket=" + socket);
    assertThat(outcome.out().lines().skip(1).findFirst().orElseThrow())
        .startsWith("-drive driver=nbd,")
        .contains(socket.toString());
    assertThat(socket).exists();
  }

  @Test
  void create_json_is_one_object_a_line_with_just_four_fields() throws IOException {
    List<String> lines = done("create", "a", "b", "--size", "1M", "--json").out().lines().toList();
    assertThat(lines).hasSize(2);
    assertThat(Json.object(lines.get(1)).string("name")).isEqualTo("b");
    assertThat(Json.object(lines.get(1)).fields().keySet())
        .containsExactly("name", "uri", "socket", "drive");
  }

  @Test
  void create_makes_all_or_none() {
    done("create", "taken", "--size", "1M");
    assertThat(failed("create", "new", "taken", "--size", "1M").err()).contains("taken");
    assertThat(done("volumes").out()).doesNotContain("new");
  }

  @Test
  void an_ephemeral_volume_says_so_in_inspect() {
    done("create", "a", "--size", "1M", "--ephemeral");
    assertThat(done("inspect", "a").out())
        .contains("type")
        .containsPattern("durability +none")
        .contains("is ephemeral");
    // It would outlive the daemon, in memory, for the next one.
    done("rm", "a");
  }

  @Test
  void an_image_is_imported_listed_and_forked() throws IOException {
    importDisk("disk:1");
    assertThat(done("images").out()).contains("disk:1").contains("1 MiB");
    assertThat(Json.objects(done("images", "--json").out())).hasSize(1);
    done("create", "fork", "--from", "disk:1");
    assertThat(Json.objects(done("volumes", "--json").out()).getFirst().number("size"))
        .isEqualTo(MIB);
    assertThat(done("inspect", "disk:1", "--json").out()).startsWith("{\"type\":\"image\"");
  }

  @Test
  void rm_takes_a_tagged_name_as_an_image_and_a_plain_one_as_a_volume() throws IOException {
    importDisk("disk");
    done("create", "disk", "--from", "disk");
    done("rm", "disk");
    assertThat(done("volumes").out().lines()).hasSize(1);
    assertThat(failed("rm", "disk").err()).contains("disk:latest");
    done("rm", "disk:latest");
    assertThat(done("images").out().lines()).hasSize(1);
  }

  @Test
  void rm_goes_on_after_a_name_that_there_is_not() {
    done("create", "a", "--size", "1M");
    Outcome outcome = failed("rm", "none", "a", "nor", "neither");
    assertThat(outcome.out()).isEqualTo("a\n");
    assertThat(outcome.err()).contains("none").contains("nor, neither");
  }

  @Test
  void check_says_what_is_damaged_and_its_exit_code_tells() throws IOException {
    Path disk = directory.resolve("disk.raw");
    byte[] bytes = new byte[(int) MIB];
    new Random(1).nextBytes(bytes);
    Files.write(disk, bytes);
    done("import", disk.toString(), "disk");
    done("create", "vol", "--from", "disk");
    assertThat(done("check").out()).containsPattern("vol +volume +1 MiB +whole");
    assertThat(failed("check", "--store", directory + "/store").err()).contains("in use");

    Path largest;
    try (Stream<Path> files = Files.list(directory.resolve("store/chunks"))) {
      largest = files.max(Comparator.comparingLong(f -> f.toFile().length())).orElseThrow();
    }
    byte[] chunk = Files.readAllBytes(largest);
    chunk[10] ^= 1;
    Files.write(largest, chunk);
    for (boolean running : new boolean[] {true, false}) {
      String[] words = {"check", "vol", "disk:latest"};
      if (!running) {
        daemon.close();
        words = new String[] {"check", "vol", "disk:latest", "--store", directory + "/store"};
      }
      Outcome outcome = failed(words);
      assertThat(outcome.err()).contains("damaged: 1 file: --repair-from");
      assertThat(outcome.out())
          .contains("offset 8 of " + largest)
          .contains("volume vol: bytes 0 to 4095, blocks 0 to 0")
          .contains("image disk:latest: bytes 0 to 4095");
    }
    Outcome json = failed("check", "--json", "--store", directory + "/store");
    assertThat(Json.object(json.out()).objects("damage")).hasSize(1);

    Path copies = Files.createDirectory(directory.resolve("copies"));
    String[] repair = {"check", "--store", directory + "/store", "--repair-from", copies + ""};
    Outcome unrepaired = failed(repair);
    assertThat(unrepaired.out()).contains("not repaired: " + copies + " has no file");
    assertThat(unrepaired.err()).contains("damaged: 1 file").doesNotContain("--repair-from");
    chunk[10] ^= 1;
    Files.write(copies.resolve(largest.getFileName()), chunk);
    assertThat(done(repair).out()).contains("  repaired").containsPattern("vol +volume .* whole");
    assertThat(done("check", "--store", directory + "/store").out()).doesNotContain("repaired");
  }

  @Test
  void stats_and_top_show_each_volume() throws IOException {
    done("create", "a", "--size", "1M");
    assertThat(done("stats").out()).containsPattern("(?m)^a ");
    assertThat(done("stats", "a").out()).contains("write buffer").contains("blocks read");
    assertThat(Json.object(done("stats", "a", "--json").out()).string("volume")).isEqualTo("a");
    assertThat(done("top", "-n", "2", "-i", "0.1").out().lines()).hasSize(6);
    assertThat(Json.objects(done("top", "-n", "1", "-i", "0.1", "--json").out())).hasSize(1);
  }

  @Test
  void what_trains_the_daemon_writes_flushes_and_reads_a_disk() throws IOException {
    done("create", "v", "--size", "1M");
    int batches = 20;
    try (TrainingDisk disk = TrainingDisk.connect(directory.resolve("run/nbd/v/nbd.sock"), "v")) {
      disk.exercise(MIB, batches);
    }
    DaemonClient client = new DaemonClient(directory.resolve("run"));
    // A reply is counted once it was sent.
    await()
        .untilAsserted(
            () -> {
              JsonObject requests = client.get("stats", "v").object("requests");
              for (String kind : List.of("read", "write")) {
                assertThat(requests.object(kind).number("count"))
                    .isEqualTo((long) batches * TrainingDisk.DEPTH);
              }
              assertThat(requests.object("flush").number("count")).isPositive();
            });
    assertThat(client.get("stats", "v").number("errors")).isZero();
  }

  @Test
  void top_ends_after_so_many_tables_at_a_terminal_too() throws Exception {
    String script =
        """
        import os, pty, sys
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.argv[1], sys.argv[1:])
        try:
            while more := os.read(terminal, 4096):
                os.write(1, more)
        except OSError:
            pass
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """;
    List<String> command = new ArrayList<>(List.of("/usr/bin/python3", "-c", script));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1"));
    String classes = System.getProperty("java.class.path");
    command.addAll(List.of("-cp", System.getProperty("surefire.test.class.path", classes)));
    command.addAll(List.of(Bailey.class.getName(), "top", "-n", "2", "-i", "0.1"));
    command.addAll(List.of("--run-dir", directory + "/run"));
    Process top = new ProcessBuilder(command).redirectErrorStream(true).start();
    String out = new String(top.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(top.waitFor()).as(out).isZero();
    assertThat(out.split("READS/S", -1)).as(out).hasSize(1 + 2);
  }

  @Test
  void what_the_daemon_refuses_is_said_in_its_words() {
    assertThat(failed("create", "Wrong", "--size", "1M").err()).contains("'Wrong'");
    assertThat(failed("create", "a", "--size", "100").err()).contains("512");
    assertThat(failed("create", "a", "--from", "none").err()).contains("none");
    assertThat(failed("inspect", "none").err()).contains("none").contains("bailey volumes");
  }
}
