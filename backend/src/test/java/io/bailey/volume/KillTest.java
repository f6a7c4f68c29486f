package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A writing process is killed with SIGKILL, several times on the same store. */
@Tag("slow")
final class KillTest {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");

  @TempDir Path directory;

  private Path memory = Path.of("/nonexistent");

  /** The writes that were said to have returned: number by block, and the last one flushed. */
  private final Map<Integer, List<Long>> written = new TreeMap<>();

  private long last;
  private long flushed;

  @AfterEach
  void removeMemory() throws Exception {
    if (Files.exists(memory)) {
      Files.walkFileTree(
          memory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws java.io.IOException {
              Files.delete(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(
                Path visited, java.io.@org.jspecify.annotations.Nullable IOException e)
                throws java.io.IOException {
              Files.delete(visited);
              return FileVisitResult.CONTINUE;
            }
          });
    }
  }

  @ParameterizedTest
  @CsvSource({"NONE, 300", "NONE, 9000", "FLUSH, 300", "FLUSH, 9000", "EVERY_WRITE, 500"})
  void everyWriteThatReturnedIsThere_afterTheProcessWasKilled(Durability durability, int writes)
      throws Exception {
    memory = Files.createTempDirectory(SHARED_MEMORY, "bailey-test-");
    for (int kill = 0; kill < 3; kill++) {
      writeAndKill(durability, writes, kill);
      try (Store store = Store.open(StampWriter.options(directory.resolve("store"), memory))) {
        Volume volume = store.volume("v").orElseThrow();
        for (int block : written.keySet()) {
          List<Long> numbers = written.get(block);
          long found = stampOf(volume, block);
          // The write after the last one that was heard of may have been done too.
          assertThat(found)
              .as("block %d after kill %d", block, kill)
              .isIn(numbers.getLast(), last + 1);
          numbers.add(found);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"FLUSH, 700", "FLUSH, 9000", "EVERY_WRITE, 500"})
  void flushedWritesAreThereAndTheRestIsAPrefix_afterTheMemoryIsLost(
      Durability durability, int writes) throws Exception {
    memory = Files.createTempDirectory(SHARED_MEMORY, "bailey-test-");
    for (int kill = 0; kill < 3; kill++) {
      writeAndKill(durability, writes, kill);
      removeMemory();
      Files.createDirectory(memory);
      try (Store store = Store.open(StampWriter.options(directory.resolve("store"), memory))) {
        Volume volume = store.volume("v").orElseThrow();
        Map<Integer, Long> found = new TreeMap<>();
        for (int block : written.keySet()) {
          found.put(block, stampOf(volume, block));
        }
        long cut = found.values().stream().mapToLong(Long::longValue).max().orElse(0);
        assertThat(cut)
            .as("the last write found, after kill %d", kill)
            .isGreaterThanOrEqualTo(durability == Durability.EVERY_WRITE ? last : flushed);
        found.forEach(
            (block, number) ->
                // The write after the last one that was heard of may have been done too.
                assertThat(number)
                    .as("block %d where writes up to %d survived", block, cut)
                    .isIn(lastUpTo(block, cut), last + 1));
        // What the next process continues from.
        written.replaceAll(
            (block, numbers) -> new ArrayList<>(List.of(found.getOrDefault(block, 0L))));
        flushed = 0;
      }
    }
  }

  private long lastUpTo(int block, long cut) {
    return written.get(block).stream()
        .filter(number -> number <= cut)
        .mapToLong(Long::longValue)
        .max()
        .orElse(0);
  }

  private static long stampOf(Volume volume, int block) throws Exception {
    byte[] bytes = new byte[4096];
    volume.read(block * 4096L, bytes, 0, 4096);
    long number = ByteBuffer.wrap(bytes).getLong();
    assertThat(Arrays.equals(bytes, StampWriter.stamp(number)))
        .as("block %d is whole", block)
        .isTrue();
    return number;
  }

  private void writeAndKill(Durability durability, int writes, int seed) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-ea",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                StampWriter.class.getName(),
                directory.resolve("store").toString(),
                memory.toString(),
                durability.name(),
                Long.toString(seed),
                Long.toString(last + 2))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader lines = process.inputReader(StandardCharsets.US_ASCII)) {
      String line;
      int heard = 0;
      while ((line = lines.readLine()) != null) {
        String[] words = line.split(" ", -1);
        if (words[0].equals("w") && words.length == 3) {
          last = Long.parseLong(words[1]);
          written.computeIfAbsent(Integer.valueOf(words[2]), b -> new ArrayList<>()).add(last);
        } else if (words[0].equals("f") && words.length == 2) {
          flushed = Long.parseLong(words[1]);
        }
        if (++heard == writes) {
          // By its handle: the process would close the stream, and what it said last would be lost.
          process.toHandle().destroyForcibly();
        }
      }
      assertThat(heard).as("lines heard before the process ended").isGreaterThanOrEqualTo(writes);
    } finally {
      process.destroyForcibly().waitFor();
    }
  }
}
