package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.cli.Bailey;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * A daemon and commands as processes, in a directory of their own. Closing ends the daemons and VMs
 * and removes what they left.
 */
final class TestDaemon implements AutoCloseable {
  private final Path directory;
  private final Path store;
  private final List<Process> daemons = new ArrayList<>();
  private String classPath = System.getProperty("java.class.path");

  /**
   * @param store where the store lies in the directory
   */
  TestDaemon(String store) throws IOException {
    // Short, for a Unix socket's path has at most 107 bytes.
    directory = Files.createTempDirectory(Path.of("/tmp"), "bailey-vm-");
    this.store = directory.resolve(store);
  }

  Path directory() {
    return directory;
  }

  private Path runDirectory() {
    return directory.resolve("run");
  }

  Path socket(String volume) {
    return runDirectory().resolve("nbd").resolve(volume).resolve("nbd.sock");
  }

  /** Starts a daemon, and returns once it serves. */
  Process start(String... options) throws IOException {
    List<String> words = new ArrayList<>(List.of("daemon", "--store", store.toString()));
    words.addAll(List.of("--run-dir", runDirectory().toString(), "--memory", "64M"));
    words.addAll(List.of(options));
    Process daemon =
        new ProcessBuilder(bailey(words))
            .redirectError(ProcessBuilder.Redirect.appendTo(directory.resolve("log").toFile()))
            .start();
    daemons.add(daemon);
    assertThat(daemon.inputReader(StandardCharsets.UTF_8).readLine())
        .as(log())
        .startsWith("ready ");
    return daemon;
  }

  /** SIGKILL for the daemon. */
  void kill() throws InterruptedException {
    daemons.getLast().destroyForcibly().waitFor();
  }

  /** Runs a command to its end and returns what it prints. */
  String command(String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of("--run-dir", runDirectory().toString()));
    return run(bailey(all));
  }

  private List<String> bailey(List<String> words) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:TieredStopAtLevel=1",
            "-Xmx512m",
            "-Dbailey.configs=" + TestGuest.configs().directory(),
            "-cp",
            classPath,
            Bailey.class.getName()));
    command.addAll(words);
    return command;
  }

  static String run(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(command + ": " + text).isZero();
      return text;
    }
  }

  void useThisBuild() {
    classPath = System.getProperty("java.class.path");
  }

  /** Runs from copies of this build's classes from now on, which have another version. */
  void useCopyOfThisBuild(String version) throws IOException {
    Path build = Files.createDirectory(directory.resolve("build-" + version));
    Path text = build.resolve("version/io/bailey/daemon/version.txt");
    Files.createDirectories(text.getParent());
    Files.writeString(text, version + "\n");
    List<String> entries = new ArrayList<>(List.of(build.resolve("version").toString()));
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      if (Files.isDirectory(Path.of(entry))) {
        Path copy = build.resolve(Integer.toString(entries.size()));
        copy(Path.of(entry), copy);
        entries.add(copy.toString());
      } else {
        entries.add(entry);
      }
    }
    classPath = String.join(File.pathSeparator, entries);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : all.toList()) {
        Files.copy(path, to.resolve(from.relativize(path).toString()));
      }
    }
  }

  /** The golden disk of the tests with another init. */
  Path diskWithInit(String init) throws Exception {
    return TestGuest.diskWithInit(directory, init);
  }

  String log() throws IOException {
    return Files.readString(directory.resolve("log"));
  }

  /** What a VM has printed, nothing if it hasn't begun. */
  String console(String vm) {
    try {
      return Files.readString(runDirectory().resolve("vm").resolve(vm).resolve("console.log"));
    } catch (IOException e) {
      return "";
    }
  }

  /** Processes of VMs. */
  Collection<Long> qemus() throws IOException {
    return ProcessIdentity.byPidFile(runDirectory().resolve("vm"), "qemu.pid").values();
  }

  @Override
  public void close() throws IOException {
    // Not for one that has ended: its number may be another process's, whose end would be awaited.
    daemons.stream().filter(Process::isAlive).forEach(d -> d.destroyForcibly().onExit().join());
    for (long pid : qemus()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
    String real = directory.toRealPath().resolve(directory.relativize(store)).toString();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/dev/shm"), "bailey-*")) {
      for (Path memory : all) {
        if (real.equals(whose(memory))) {
          GuestImage.deleteTree(memory);
        }
      }
    }
    GuestImage.deleteTree(directory);
  }

  /** The store that a directory in shared memory is of; none if it is just being removed. */
  private static String whose(Path memory) {
    try {
      return Files.readString(memory.resolve("store"));
    } catch (IOException e) {
      return "";
    }
  }

  static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
