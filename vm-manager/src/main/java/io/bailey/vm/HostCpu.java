package io.bailey.vm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What guests must be told of the host's processor. */
final class HostCpu {
  /** Any speed near the real one lets a guest boot; it calibrates better later. */
  private static final long USUAL_TSC_KHZ = 2_500_000;

  private HostCpu() {}

  /** The rate of the time stamp counter in kHz, as {@code /proc/cpuinfo} gives the clock. */
  static long tscKhz() {
    try {
      return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
          .filter(line -> line.startsWith("cpu MHz"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .mapToLong(mhz -> (long) (Double.parseDouble(mhz) * 1000))
          .max()
          .orElse(USUAL_TSC_KHZ);
    } catch (IOException | NumberFormatException e) {
      return USUAL_TSC_KHZ;
    }
  }
}
