package io.bailey.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Jazzer on every target, each in a process of its own, as many at a time as there are processors.
 * {@code -Dfuzz.seconds=N} says how long in all (default 200), {@code -Dfuzz.targets=a,b} of which.
 * An input that fails is left in {@code target/fuzz/TARGET}; once the code is right it belongs to
 * the corpus, under {@code src/test/resources/io/bailey/fuzz/TARGET}.
 */
@Tag("slow")
final class FuzzCampaignTest {
  private static final int SECONDS = Integer.getInteger("fuzz.seconds", 200);
  private static final Path WORK = Path.of("target/fuzz").toAbsolutePath();

  /** What a process takes until it begins. */
  private static final int START_SECONDS = 12;

  private static final int HANG_SECONDS = 10;

  /** A finding's report is at the end of the log. */
  private static final int SHOWN_LINES = 60;

  @Test
  void noInputDoesHarm() throws Exception {
    List<FuzzTarget> targets = targets();
    int atATime = Math.min(Runtime.getRuntime().availableProcessors(), targets.size());
    int each = Math.max(5, SECONDS * atATime / targets.size() - START_SECONDS);
    List<String> findings = new ArrayList<>();
    try (ExecutorService runners = Executors.newFixedThreadPool(atATime)) {
      List<Future<String>> campaigns = new ArrayList<>();
      for (FuzzTarget target : targets) {
        campaigns.add(runners.submit(() -> fuzz(target, each)));
      }
      for (Future<String> campaign : campaigns) {
        findings.add(campaign.get());
      }
    }
    findings.removeIf(String::isEmpty);
    assertThat(String.join("\n\n", findings)).isEmpty();
  }

  private static List<FuzzTarget> targets() {
    String wanted = System.getProperty("fuzz.targets", "");
    return List.of(FuzzTarget.values()).stream()
        .filter(target -> wanted.isEmpty() || List.of(wanted.split(",")).contains(target.label()))
        .toList();
  }

  /** Returns what was found, which had better be nothing. */
  private static String fuzz(FuzzTarget target, int seconds)
      throws IOException, InterruptedException {
    Path work = Files.createDirectories(WORK.resolve(target.label()));
    Path found = Files.createDirectories(work.resolve("corpus"));
    Path log = work.resolve("log");
    Process process =
        new ProcessBuilder(command(target, seconds, found))
            .directory(work.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      boolean ended = process.waitFor(2L * seconds + 20 * START_SECONDS, TimeUnit.SECONDS);
      List<String> lines = Files.readAllLines(log);
      lines.stream()
          .filter(line -> line.startsWith("Done "))
          .forEach(line -> System.out.println("fuzz " + target.label() + ": " + line));
      if (ended && process.exitValue() == 0) {
        return "";
      }
      String tail =
          String.join("\n", lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size()));
      return target.label() + ": input and log are in " + work + "\n" + tail;
    } finally {
      process.destroyForcibly();
    }
  }

  private static List<String> command(FuzzTarget target, int seconds, Path found)
      throws IOException {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-XX:+EnableDynamicAgentLoading",
        "-XX:+UseSerialGC",
        "-Xmx512m",
        "-cp",
        classPath,
        "com.code_intelligence.jazzer.Jazzer",
        "--target_class=" + target.className(),
        "--instrumentation_includes=io.bailey.**",
        // Hooks in all other classes look for attacks on programs of another kind, and take long.
        "--custom_hook_includes=io.bailey.**",
        "-max_total_time=" + seconds,
        "-timeout=" + HANG_SECONDS,
        "-max_len=4096",
        "-rss_limit_mb=0",
        found.toString(),
        target.corpus().toString());
  }
}
