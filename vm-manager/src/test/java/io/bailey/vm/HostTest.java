package io.bailey.vm;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostTest {
  @TempDir Path directory;

  @Test
  void aMissingProgramIsReportedWithItsPackage() throws IOException {
    assertThatThrownBy(() -> HostProgram.QEMU.locate("/nonexistent", List.of()))
        .hasMessage("qemu-system-x86_64 is not installed: run 'apt-get install qemu-system-x86'");
    assertThat(HostProgram.MKFS_EXT4.locate("", List.of("/usr/sbin", "/sbin"))).isExecutable();
  }

  @Test
  void aMissingGuestKernelIsReportedWithTheScriptThatFetchesIt() {
    assertThatThrownBy(() -> GuestKernel.locate(directory))
        .hasMessageContaining("vmlinuz is missing; run 'scripts/guest-kernel " + directory + "'");
  }

  @Test
  void aProcessNumberThatWasUsedAgainIsAnotherProcess() throws Exception {
    Process sleep = new ProcessBuilder("sleep", "60").start();
    try {
      ProcessIdentity real = ProcessIdentity.of(sleep.pid()).orElseThrow();
      assertThat(real.alive()).isTrue();
      ProcessIdentity earlier =
          new ProcessIdentity(real.pid(), real.startTicks() - 1, real.bootId());
      ProcessIdentity otherBoot = new ProcessIdentity(real.pid(), real.startTicks(), "x");
      for (ProcessIdentity other : List.of(earlier, otherBoot)) {
        assertThat(other.alive()).isFalse();
        other.kill(true);
      }
      assertThat(sleep.waitFor(300, TimeUnit.MILLISECONDS)).isFalse();
      real.kill(true);
      assertThat(sleep.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(real.alive()).isFalse();
    } finally {
      sleep.destroyForcibly();
    }
  }

  @Test
  void aProcessIsGoneOnlyWhereItsStateSaysSoOrIsMissing() throws Exception {
    ProcessIdentity process = new ProcessIdentity(7, 99, ProcessIdentity.currentBootId());
    Path stat = directory.resolve("7/stat");
    assertThat(process.alive(directory)).isFalse();
    Files.createDirectories(stat); // reading it fails
    assertThat(process.alive(directory)).isTrue();
    Files.delete(stat);
    Files.writeString(stat, "7 (x");
    assertThat(process.alive(directory)).isTrue();
    String fields = "7 (a) \u00e9) %s 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0";
    Files.writeString(stat, fields.formatted("S", 99), ISO_8859_1);
    assertThat(process.alive(directory)).isTrue();
    Files.writeString(stat, fields.formatted("S", 100), ISO_8859_1);
    assertThat(process.alive(directory)).isFalse();
    Files.writeString(stat, fields.formatted("Z", 99), ISO_8859_1);
    assertThat(process.alive(directory)).isFalse();
  }

  @Test
  void aVmsProcessIsFoundByItsPidFileAlone() throws Exception {
    Process other =
        new ProcessBuilder("sh", "-c", "read line", "-pidfile", directory + "/web-1/qemu.pid")
            .start();
    try {
      assertThat(ProcessIdentity.byPidFile(directory, "qemu.pid"))
          .containsOnlyKeys("web-1")
          .containsValue(other.pid());
      assertThat(ProcessIdentity.byPidFile(directory.resolve("web-1"), "qemu.pid")).isEmpty();
    } finally {
      other.destroyForcibly();
    }
  }

  /** In a locale without UTF-8, the first of these can't be made a path. */
  @Test
  void argumentsThatAreNoPathsAreTakenAsTheyAre() throws Exception {
    String script = "exec sh -c 'read line' -pidfile \"$0\" \"$(printf '\\377')\"";
    List<Process> started = new ArrayList<>();
    try {
      for (String file : List.of("/\u00e9", "", directory + "/web-1/qemu.pid")) {
        started.add(new ProcessBuilder("sh", "-c", script, file).start());
      }
      await()
          .untilAsserted(
              () ->
                  assertThat(ProcessIdentity.byPidFile(directory, "qemu.pid"))
                      .containsExactly(Map.entry("web-1", started.getLast().pid())));
    } finally {
      started.forEach(Process::destroyForcibly);
    }
  }

  @Test
  void aVmsProcessIsNotLookedForAmongThoseOfOthers() throws Exception {
    assumeTrue(System.getProperty("user.name").equals("root"), "only root can be another user");
    String[] sh = {"sh", "-c", "read line", "-pidfile", directory + "/web-1/qemu.pid"};
    ProcessBuilder other = new ProcessBuilder("setpriv", "--reuid=65534", "--clear-groups");
    other.command().addAll(List.of(sh));
    Process process = other.start();
    try {
      Path it = Path.of("/proc", Long.toString(process.pid()));
      await().until(() -> Files.getAttribute(it, "unix:uid").equals(65534));
      await().until(() -> Files.readString(it.resolve("cmdline")).startsWith("sh\0"));
      assertThat(ProcessIdentity.byPidFile(directory, "qemu.pid")).isEmpty();
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void aConsoleLogStaysWithinItsLimitAndKeepsTheNewest() throws IOException {
    ConsoleLog log = new ConsoleLog(directory.resolve("console.log"), 1000);
    try (var writer =
        Files.newBufferedWriter(
            log.file(),
            java.nio.file.StandardOpenOption.CREATE,
            java.nio.file.StandardOpenOption.APPEND)) {
      int lines = 0;
      for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 30; i++) {
          writer.write("line " + ++lines + "\n");
        }
        writer.flush();
        assertThat(log.lastLine()).isEqualTo("line " + lines);
        boolean moved = log.rotateIfLarge();
        assertThat(log.size()).isLessThanOrEqualTo(1000);
        assertThat(moved).isEqualTo(log.size() == 0);
      }
    }
    var older = new java.io.ByteArrayOutputStream();
    log.copyOlder(older);
    assertThat(older.size()).isEqualTo(1000);
    assertThat(older.toString(java.nio.charset.StandardCharsets.UTF_8)).contains("\nline 5");
  }

  @Test
  void aGoldenImageIsACleanFileSystemWithTheGuestInIt() throws Exception {
    Path disk = directory.resolve("golden.img");
    new GuestImage(TestGuest.kernel(), TestGuest.configs()).build(disk, 32 << 20);
    assertThat(Files.size(disk)).isEqualTo(32 << 20);
    assertThat(tool("e2fsck", "-f", "-n", disk.toString())).doesNotContain("Fix?");
    assertThat(tool("debugfs", "-R", "stat /sbin/init", disk.toString())).contains("Mode:  0755");
    assertThat(tool("debugfs", "-R", "stat /bin/sh", disk.toString())).contains("busybox");
    assertThat(tool("debugfs", "-R", "cat /golden/data.sha256", disk.toString()))
        .containsPattern("[0-9a-f]{64}  data\n");
    try (var left = Files.list(directory)) {
      assertThat(left).containsExactly(disk);
    }
    assertThatThrownBy(
            () -> new GuestImage(TestGuest.kernel(), TestGuest.configs()).build(disk, 4097))
        .hasMessageContaining("multiple of 4096");
  }

  private static String tool(String name, String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(new HostProgram(name, "e2fsprogs").locate().toString());
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (var output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), java.nio.charset.StandardCharsets.ISO_8859_1);
      assertThat(process.waitFor()).as(text).isZero();
      return text;
    }
  }
}
