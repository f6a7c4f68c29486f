package io.bailey.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which of the process's standard streams are a terminal. */
public final class Terminals {
  private Terminals() {}

  /** Whether standard input and output both are. */
  static boolean isInteractive() {
    return isTerminal(0) && isTerminal(1);
  }

  static boolean isStdoutTerminal() {
    return isTerminal(1);
  }

  public static boolean isStderrTerminal() {
    return isTerminal(2);
  }

  private static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }
}
