package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CommandLineTest {
  @TempDir private Path directory = Path.of("");

  /** What a command did. */
  record Outcome(int code, String out, String err) {
    static Outcome of(String... words) {
      StringWriter out = new StringWriter();
      StringWriter err = new StringWriter();
      CommandLine line = Bailey.commandLine(words);
      line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
      int code = line.execute(words);
      line.getOut().flush();
      return new Outcome(code, out.toString(), err.toString());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "frobnicate",
        "--nonsense",
        "create",
        "create vol",
        "create vol --size 1g",
        "create vol --size",
        "create vol --size -1",
        "create vol --size 1M --durability sometimes",
        "create vol --size 1M --ephemeral --durability flush",
        "import only-one",
        "images extra",
        "rm",
        "run",
        "run image -n 0",
        "run image -n x",
        "run image --memory 1000",
        "run image --cpus 0",
        "stop",
        "stop vm --all",
        "stop vm --timeout -1",
        "logs",
        "commit vol",
        "stats a b",
        "top --interval 0",
        "top --count 0",
        "top --sort x",
        "top --sort reads",
        "demo -n 0",
        "demo -n 65",
        "daemon --memory 31M",
        "daemon --metrics-port 65536",
        "daemon extra",
        "daemon --key-file a --passphrase",
        "daemon --passphrase-file a --passphrase",
        "check --store a --key-file b --passphrase",
        "check --key-file b",
        "rekey",
        "rekey --to-store-key --to-key-file a",
        "rekey --key-file a --passphrase-file b --to-store-key"
      })
  void wrong_usage_is_exit_code_2_and_one_line(String arguments) {
    Outcome outcome = Outcome.of(arguments.isEmpty() ? new String[0] : arguments.split(" "));
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.out()).isEmpty();
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).startsWith("bailey").contains("--help");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "images",
        "volumes",
        "ps",
        "stats",
        "top",
        "check",
        "create a --size 1M",
        "inspect a",
        "rm a",
        "run a",
        "stop a",
        "logs a",
        "commit a b"
      })
  void without_a_daemon_a_client_command_is_exit_code_1_and_one_line(String arguments) {
    Outcome outcome = Outcome.of((arguments + " --run-dir " + directory).split(" "));
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out()).isEmpty();
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains("bailey daemon --run-dir " + directory);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo", "daemon", "import", "images", "create", "volumes", "commit", "inspect", "rm", "run",
        "ps", "logs", "stop", "stats", "top", "rekey", "check"
      })
  void every_command_has_help_and_is_in_the_list(String command) {
    Outcome help = Outcome.of(command, "--help");
    assertThat(help.code()).isZero();
    assertThat(help.out()).startsWith("Usage: bailey " + command + " ");
    assertThat(Outcome.of("--help").out()).containsPattern("(?m)^  " + command + " +\\S");
  }

  @Test
  void the_version_is_a_line() {
    assertThat(Outcome.of("--version").out()).matches("bailey [0-9]+\\.[0-9]+\\.[0-9]+.*\\R");
  }

  @Test
  void a_missing_file_is_named() {
    Outcome outcome =
        Outcome.of("import", directory + "/none", "a", "--run-dir", directory.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err()).contains("there is no file " + directory + "/none");
  }
}
