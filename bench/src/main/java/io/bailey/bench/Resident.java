package io.bailey.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * The memory that a process takes, in KiB.
 *
 * @param rss all that is resident, what it shares with others in full
 * @param pss the same, what it shares divided among those who share it
 * @param shmem resident pages of memory files
 */
record Resident(long rss, long pss, long shmem) {
  /** Without a change for so long, a process's memory is taken for what it stays at. */
  static final long SETTLED_MILLIS = 4000;

  private static final long POLL_MILLIS = 500;
  private static final int MAX_POLLS = 60;

  /** Waits until it hasn't changed by more than a hundredth any more, half a minute at most. */
  static Resident settled(long pid) throws IOException {
    Resident seen = of(pid);
    int same = 0;
    for (int i = 0; i < MAX_POLLS && same * POLL_MILLIS < SETTLED_MILLIS; i++) {
      try {
        TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
      Resident now = of(pid);
      same = Math.abs(now.rss - seen.rss) * 100 <= seen.rss ? same + 1 : 0;
      seen = same == 0 ? now : seen;
    }
    return of(pid);
  }

  private static Resident of(long pid) throws IOException {
    long rss = 0;
    long pss = 0;
    for (String line : read(pid, "smaps_rollup")) {
      rss += kib(line, "Rss:");
      pss += kib(line, "Pss:");
    }
    long shmem = 0;
    for (String line : read(pid, "status")) {
      shmem += kib(line, "RssShmem:");
    }
    return new Resident(rss, pss, shmem);
  }

  private static Iterable<String> read(long pid, String file) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + pid, file), StandardCharsets.UTF_8);
  }

  private static long kib(String line, String field) {
    return line.startsWith(field)
        ? Long.parseLong(line.substring(field.length()).replace("kB", "").strip())
        : 0;
  }
}
