package io.bailey.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;

/**
 * What a process has used since it began.
 *
 * @param cpuSeconds of all its threads
 * @param residentBytes now
 * @param hostBytesWritten to files
 * @param hostWrites requests that wrote to files, where they were counted
 */
record Usage(
    double cpuSeconds, long residentBytes, long hostBytesWritten, OptionalLong hostWrites) {
  /**
   * What the kernel counted. Its count of bytes is that of file writes, for what these programs
   * send to a socket, they send by calls that don't count as writes. Its count of calls is of no
   * use: most are of 8 bytes, by which a thread wakes another.
   */
  static Usage ofProcess(ProcessHandle process) throws IOException {
    Path proc = Path.of("/proc/" + process.pid());
    return new Usage(
        process.info().totalCpuDuration().map(Duration::toNanos).orElse(0L) / 1e9,
        field(proc.resolve("status"), "VmRSS:") << 10,
        field(proc.resolve("io"), "wchar:"),
        OptionalLong.empty());
  }

  private static long field(Path file, String name) throws IOException {
    for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
      if (line.startsWith(name)) {
        return Long.parseLong(line.substring(name.length()).replace("kB", "").strip());
      }
    }
    throw new IOException(file + " has no " + name);
  }

  Usage withHost(long bytesWritten, long writes) {
    return new Usage(cpuSeconds, residentBytes, bytesWritten, OptionalLong.of(writes));
  }

  /** What was used since an earlier moment; resident memory is as it is now. */
  Usage since(Usage earlier) {
    return new Usage(
        cpuSeconds - earlier.cpuSeconds,
        residentBytes,
        hostBytesWritten - earlier.hostBytesWritten,
        hostWrites.isPresent()
            ? OptionalLong.of(hostWrites.getAsLong() - earlier.hostWrites.orElse(0))
            : OptionalLong.empty());
  }
}
