package io.bailey.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code bailey daemon} and {@code bailey rekey} as processes, with the keys that users have. */
@Tag("slow")
@Timeout(300)
class KeyCommandsTest {
  private static final String PHRASE = "correct horse battery staple";

  private Path directory = Path.of("");
  private final List<Process> started = new ArrayList<>();

  /** What a command printed, both streams, and how it ended. */
  private record Ended(int code, String out) {}

  @BeforeEach
  void make() throws IOException {
    directory = Files.createTempDirectory(Path.of("/tmp"), "bailey-keys-");
  }

  @AfterEach
  void remove() throws IOException {
    started.forEach(process -> process.destroyForcibly().onExit().join());
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private List<String> command(String... words) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:TieredStopAtLevel=1"));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            Bailey.class.getName()));
    command.addAll(Arrays.asList(words));
    command.addAll(List.of("--store", directory + "/store", "--run-dir", directory + "/run"));
    return command;
  }

  private Process start(ProcessBuilder builder, String input) throws IOException {
    Process process = builder.redirectErrorStream(true).start();
    started.add(process);
    try (var in = process.outputWriter(UTF_8)) {
      in.write(input);
    }
    return process;
  }

  private Ended run(String input, String... words) throws Exception {
    Process process = start(new ProcessBuilder(command(words)), input);
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Ended(process.waitFor(), out);
  }

  private void done(String input, String... words) throws Exception {
    Ended ended = run(input, words);
    assertThat(ended.code()).as(ended.out()).isZero();
  }

  private void failed(String message, String input, String... words) throws Exception {
    Ended ended = run(input, words);
    assertThat(ended.code()).as(ended.out()).isEqualTo(1);
    assertThat(ended.out().lines()).hasSize(1);
    assertThat(ended.out()).startsWith("bailey: ").contains(message);
  }

  /** Starts a daemon and ends it once it serves. */
  private void serves(ProcessBuilder builder, String input) throws Exception {
    Process process = start(builder, input);
    BufferedReader out = process.inputReader(UTF_8);
    List<String> lines = new ArrayList<>();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      lines.add(line);
      if (line.contains("ready ")) {
        for (String seen : List.of("cmdline", "environ")) {
          assertThat(Files.readString(Path.of("/proc/" + process.pid(), seen), UTF_8))
              .doesNotContain(PHRASE);
        }
        // Not the process's own destroy, which closes its output.
        process.toHandle().destroy();
      }
    }
    assertThat(process.waitFor()).as("%s", lines).isZero();
    assertThat(lines).anyMatch(line -> line.contains("ready ")).noneMatch(l -> l.contains(PHRASE));
  }

  private void serves(String input, String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of("daemon"));
    all.addAll(List.of(words));
    serves(new ProcessBuilder(command(all.toArray(String[]::new))), input);
  }

  private String secretFile(String name, byte[] content) throws IOException {
    Path path = directory.resolve(name);
    Files.createFile(
        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.write(path, content);
    return path.toString();
  }

  @Test
  void aStore_goesFromItsOwnKeyFileToAPassphraseToAnotherFile() throws Exception {
    String phrase = secretFile("phrase", (PHRASE + "\n").getBytes(UTF_8));
    String wrong = secretFile("wrong", "incorrect".getBytes(UTF_8));
    String key = secretFile("other-key", new byte[32]);
    serves("");
    done("", "rekey", "--to-passphrase-file", phrase);
    failed("opens with a passphrase", "", "daemon");
    failed("not the passphrase", "", "daemon", "--passphrase-file", wrong);
    failed("opens with a passphrase", "", "daemon", "--key-file", key);
    failed("not the passphrase", "", "rekey", "--passphrase-file", wrong, "--to-store-key");
    serves("", "--passphrase-file", phrase);
    serves(PHRASE + "\n", "--passphrase-file", "-");
    // Both from standard input: the old one first.
    done(PHRASE + "\nnew\n", "rekey", "--passphrase-file", "-", "--to-passphrase-file", "-");
    done("new\n", "rekey", "--passphrase-file", "-", "--to-key-file", key);
    failed("--key-file FILE", "", "daemon");
    serves("", "--key-file", key);
    done("", "rekey", "--key-file", key, "--to-store-key");
    serves("");
  }

  @Test
  void aKeyThatCantBeOne_isRefused_andNoStoreIsMade() throws Exception {
    failed("umask 077", "", "daemon", "--key-file", directory + "/none");
    failed("32 bytes", "", "daemon", "--key-file", secretFile("short", new byte[31]));
    String open = secretFile("open", new byte[32]);
    Files.setPosixFilePermissions(Path.of(open), PosixFilePermissions.fromString("rw-r-----"));
    failed("chmod 600 " + open, "", "daemon", "--key-file", open);
    failed("chmod 600 " + open, "", "daemon", "--passphrase-file", open);
    failed("no passphrase", "\n", "daemon", "--passphrase-file", "-");
    failed("no terminal", "", "daemon", "--passphrase");
    failed("no store in", "", "rekey", "--to-store-key");
    assertThat(directory.resolve("store")).doesNotExist();
  }

  @Test
  void systemdsCredentials_areFoundWithoutAnOption() throws Exception {
    secretFile("bailey.passphrase", PHRASE.getBytes(UTF_8));
    for (int start = 0; start < 2; start++) {
      ProcessBuilder daemon = new ProcessBuilder(command("daemon"));
      daemon.environment().put("CREDENTIALS_DIRECTORY", directory.toString());
      serves(daemon, "");
    }
    failed("opens with a passphrase", "", "daemon");
  }

  /** Typed at a terminal, twice where the store is new; the terminal shows none of it. */
  @Test
  void aPassphrase_isAskedForAtATerminal() throws Exception {
    Path script = directory.resolve("type.py");
    Files.writeString(
        script,
        """
        import os, pty, select, sys, termios, time
        asked, command = int(sys.argv[1]), sys.argv[3:]
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(command[0], command)
        shown = b''
        def until(text):
            global shown
            at = len(shown)
            while text not in shown[at:]:
                shown += os.read(terminal, 4096)
        for _ in range(asked):
            until(b': ')
            while termios.tcgetattr(terminal)[3] & termios.ECHO:
                select.select([], [], [], 0.01)
            os.write(terminal, sys.argv[2].encode() + b'\\n')
        until(b'ready ')
        os.kill(pid, 15)
        try:
            while True:
                more = os.read(terminal, 4096)
                if not more:
                    break
                shown += more
        except OSError:
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.exit('the terminal shows it' if sys.argv[2].encode() in shown else code)
        """);
    for (List<String> options : List.of(List.of("--passphrase"), List.<String>of())) {
      List<String> typing = new ArrayList<>(List.of("/usr/bin/python3", script.toString()));
      typing.add(options.isEmpty() ? "1" : "2");
      typing.add(PHRASE);
      List<String> words = new ArrayList<>(List.of("daemon"));
      words.addAll(options);
      typing.addAll(command(words.toArray(String[]::new)));
      Process process = start(new ProcessBuilder(typing), "");
      String out = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertThat(process.waitFor()).as(out).isZero();
    }
    failed("opens with a passphrase", "", "daemon");
  }
}
