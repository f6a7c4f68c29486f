package io.bailey.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The machine that figures were taken on, and how busy it was. */
final class Machine {
  private static final Path LOAD = Path.of("/proc/loadavg");
  private static final Path CPU = Path.of("/proc/cpuinfo");
  private static final Path MEMORY = Path.of("/proc/meminfo");

  private Machine() {}

  static String describe() throws IOException {
    return Runtime.getRuntime().availableProcessors()
        + " × "
        + first(CPU, "model name").replaceFirst(".*:\\s*", "")
        + ", "
        + (number("MemTotal") >> 20)
        + " GiB, Linux "
        + System.getProperty("os.version")
        + ", Java "
        + Runtime.version().feature()
        + ", load "
        + Files.readString(LOAD).strip();
  }

  /** Bytes of memory that a process could still get. */
  static long availableBytes() throws IOException {
    return number("MemAvailable") << 10;
  }

  private static long number(String field) throws IOException {
    return Long.parseLong(first(MEMORY, field).replaceAll("[^0-9]", ""));
  }

  private static String first(Path file, String field) throws IOException {
    for (String line : Files.readAllLines(file)) {
      if (line.startsWith(field)) {
        return line;
      }
    }
    return field + ": unknown";
  }
}
