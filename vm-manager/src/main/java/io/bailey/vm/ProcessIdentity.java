package io.bailey.vm;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A process that stays the same one when its number is used again: number and start time.
 *
 * @param startTicks clock ticks from the host's boot to the process's start
 * @param bootId the host's boot
 */
record ProcessIdentity(long pid, long startTicks, String bootId) {
  private static final System.Logger LOG = System.getLogger(ProcessIdentity.class.getName());
  private static final Path PROC = Path.of("/proc");

  static Optional<ProcessIdentity> of(long pid) {
    return startTicks(pid).map(ticks -> new ProcessIdentity(pid, ticks, currentBootId()));
  }

  /** Whether this very process runs now; a zombie doesn't. */
  boolean alive() {
    return bootId.equals(currentBootId())
        && startTicks(pid).filter(ticks -> ticks == startTicks).isPresent();
  }

  /** Asks the process to end, or ends it; does nothing once it is gone. */
  void kill(boolean forcibly) {
    if (alive()) {
      ProcessHandle.of(pid).ifPresent(handle -> kill(handle, forcibly));
    }
  }

  private static void kill(ProcessHandle handle, boolean forcibly) {
    boolean asked = forcibly ? handle.destroyForcibly() : handle.destroy();
    if (!asked) {
      LOG.log(System.Logger.Level.WARNING, "can''t end process {0}", handle.pid());
    }
  }

  static String currentBootId() {
    try {
      return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  /**
   * Field 22 of {@code /proc/PID/stat}; fields are counted after the name, which may hold anything.
   */
  private static Optional<Long> startTicks(long pid) {
    try {
      String stat = Files.readString(PROC.resolve(pid + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      boolean dead = fields[0].equals("Z") || fields[0].equals("X");
      return dead ? Optional.empty() : Optional.of(Long.parseLong(fields[19]));
    } catch (IOException | RuntimeException e) {
      return Optional.empty();
    }
  }

  /**
   * Processes that have a {@code -pidfile} argument of the form {@code directory/NAME/file}, by
   * NAME. Finds those that were started by a daemon that died before it could write them down.
   */
  static Map<String, Long> byPidFile(Path directory, String file) throws IOException {
    Map<String, Long> found = new HashMap<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        List<String> arguments;
        try {
          arguments = List.of(Files.readString(process.resolve("cmdline")).split("\0", -1));
        } catch (IOException e) {
          continue; // it ended meanwhile, or its arguments are not text
        }
        int option = arguments.indexOf("-pidfile");
        if (option >= 0 && option + 1 < arguments.size()) {
          Path value = Path.of(arguments.get(option + 1));
          if (value.endsWith(file)
              && value.getParent() != null
              && directory.equals(value.getParent().getParent())) {
            found.put(
                value.getParent().getFileName().toString(),
                Long.valueOf(process.getFileName().toString()));
          }
        }
      }
    }
    return found;
  }
}
