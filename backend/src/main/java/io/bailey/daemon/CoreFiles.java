package io.bailey.daemon;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Keeps keys, and what guests write, out of core files: the kernel leaves all memory out of those
 * of this process and of what it starts, also where a program collects them, which a limit of 0 on
 * their size doesn't hold for.
 */
final class CoreFiles {
  private static final Path FILTER = Path.of("/proc/self/coredump_filter");

  private CoreFiles() {}

  static void leaveMemoryOut() {
    try {
      Files.writeString(FILTER, "0x0");
    } catch (IOException e) {
      System.getLogger(CoreFiles.class.getName())
          .log(Level.WARNING, "a core file of this process would hold keys: can't write " + FILTER);
    }
  }
}
