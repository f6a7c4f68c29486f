package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.cli.Bailey;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest that writes and reads its disk all the time while the daemon under it is killed. */
@Tag("slow")
@Timeout(180)
class DaemonRestartTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Writes files in a ring, syncs, drops its caches, and compares all files with copies in RAM. */
  private static final String INIT =
      """
      #!/bin/sh
      export PATH=/bin:/sbin
      mount -t proc proc /proc
      mount -t tmpfs tmp /tmp
      exec </dev/console >/dev/console 2>&1
      echo 'BAILEY ready writer'
      n=0
      while :; do
        n=$((n + 1))
        file=f$((n % 20))
        dd if=/dev/urandom of=/tmp/$file bs=16k count=1 2>/dev/null
        cp /tmp/$file /vm/$file || echo "BAILEY bad write"
        sync
        echo 3 >/proc/sys/vm/drop_caches
        for copy in /tmp/f*; do
          cmp "$copy" "/vm/${copy##*/}" || echo "BAILEY bad read ${copy##*/}"
        done
        echo "BAILEY round $n"
      done
      """;

  private final List<Process> daemons = new ArrayList<>();
  private Path directory = Path.of("");

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = Files.createTempDirectory(Path.of("/tmp"), "bailey-vm-");
  }

  @AfterEach
  void endAll() throws Exception {
    for (Process daemon : daemons) {
      daemon.destroyForcibly().waitFor();
    }
    for (long pid : ProcessIdentity.byPidFile(directory.resolve("run/vm"), "qemu.pid").values()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
    byte[] hash =
        MessageDigest.getInstance("SHA-256")
            .digest(
                directory
                    .toRealPath()
                    .resolve("store")
                    .toString()
                    .getBytes(StandardCharsets.UTF_8));
    GuestImage.deleteTree(Path.of("/dev/shm/bailey-" + HexFormat.of().formatHex(hash, 0, 8)));
    GuestImage.deleteTree(directory);
  }

  private static List<String> bailey(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:TieredStopAtLevel=1",
            "-Xmx512m",
            "-cp",
            System.getProperty("java.class.path"),
            Bailey.class.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  private static String run(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(text).isZero();
      return text;
    }
  }

  private String command(String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of("--run-dir", directory.resolve("run").toString()));
    return run(bailey(all.toArray(String[]::new)));
  }

  private Process startDaemon() throws IOException {
    Path log = directory.resolve("log");
    Process daemon =
        new ProcessBuilder(
                bailey(
                    "daemon",
                    "--store",
                    directory.resolve("store").toString(),
                    "--run-dir",
                    directory.resolve("run").toString(),
                    "--memory",
                    "64M"))
            .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    daemons.add(daemon);
    assertThat(daemon.inputReader(StandardCharsets.UTF_8).readLine())
        .as(Files.readString(log))
        .startsWith("ready ");
    return daemon;
  }

  /** The golden disk of the tests with another init. */
  private Path writersDisk() throws Exception {
    Path disk = Files.copy(TestGuest.goldenDisk(), directory.resolve("writer.img"));
    Path init = Files.writeString(directory.resolve("init"), INIT);
    Path commands =
        Files.writeString(
            directory.resolve("commands"),
            "rm /sbin/init\nwrite " + init + " /sbin/init\nsif /sbin/init mode 0100755\n");
    run(
        List.of(
            new HostProgram("debugfs", "e2fsprogs").locate().toString(),
            "-w",
            "-f",
            commands.toString(),
            disk.toString()));
    return disk;
  }

  private String console() {
    try {
      return Files.readString(directory.resolve("run/vm/writer/console.log"));
    } catch (IOException e) {
      return "";
    }
  }

  private void awaitRounds(long more) {
    long until = rounds() + more;
    await("rounds of the guest")
        .atMost(PATIENCE)
        .until(() -> rounds() >= until || console().contains("BAILEY bad"));
    assertThat(console()).doesNotContain("BAILEY bad").doesNotContainIgnoringCase("error");
  }

  private long rounds() {
    return console().lines().filter(line -> line.startsWith("BAILEY round")).count();
  }

  @Test
  void aGuestGoesOnWithoutAnErrorWhenTheDaemonIsKilledAndStartedAgain() throws Exception {
    Path disk = writersDisk();
    Process daemon = startDaemon();
    command("import", disk.toString(), "writer");
    command("run", "writer", "--name", "writer", "--accel", "tcg");
    awaitRounds(3);
    String before = command("ps", "--json");
    for (int kill = 0; kill < 3; kill++) {
      daemon.destroyForcibly().waitFor();
      // The guest waits for its disk meanwhile: at most the round that it is in ends.
      daemon = startDaemon();
      awaitRounds(5);
    }
    String after = command("ps", "--json");
    assertThat(pid(after)).as(after).isEqualTo(pid(before));
    assertThat(after).containsPattern("\"state\": ?\"running\"");
    assertThat(command("stop", "writer")).contains("writer");
    assertThat(ProcessIdentity.byPidFile(directory.resolve("run/vm"), "qemu.pid")).isEmpty();
  }

  private static String pid(String json) {
    return json.replaceFirst("(?s).*\"pid\": ?(\\d+).*", "$1");
  }
}
