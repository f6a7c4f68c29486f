package io.bailey.vm;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A process that stays the same one when its number is used again: number and start time.
 *
 * @param startTicks clock ticks from the host's boot to the process's start
 * @param bootId the host's boot
 */
record ProcessIdentity(long pid, long startTicks, String bootId) {
  private static final System.Logger LOG = System.getLogger(ProcessIdentity.class.getName());
  private static final Path PROC = Path.of("/proc");
  private static @Nullable String boot;

  /**
   * Empty if there is no such process.
   *
   * @throws IOException if that can't be told
   */
  static Optional<ProcessIdentity> of(long pid) throws IOException {
    Optional<Long> ticks = startTicks(PROC, pid);
    return ticks.isEmpty()
        ? Optional.empty()
        : Optional.of(new ProcessIdentity(pid, ticks.get(), currentBootId()));
  }

  /**
   * Whether this very process runs now; a zombie doesn't. Where that can't be told, for want of
   * descriptors say, it does: its disk is deleted once it is taken for gone.
   */
  boolean alive() {
    return alive(PROC);
  }

  boolean alive(Path proc) {
    try {
      return runs(proc);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "can't look at process " + pid, e);
      return true;
    }
  }

  private boolean runs(Path proc) throws IOException {
    return bootId.equals(currentBootId())
        && startTicks(proc, pid).filter(ticks -> ticks == startTicks).isPresent();
  }

  /** Asks the process to end, or ends it; does nothing once it is gone. */
  void kill(boolean forcibly) {
    try {
      if (runs(PROC)) {
        ProcessHandle.of(pid).ifPresent(handle -> kill(handle, forcibly));
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "can't end process " + pid, e);
    }
  }

  private static void kill(ProcessHandle handle, boolean forcibly) {
    boolean asked = forcibly ? handle.destroyForcibly() : handle.destroy();
    if (!asked) {
      LOG.log(System.Logger.Level.WARNING, "can''t end process {0}", handle.pid());
    }
  }

  static synchronized String currentBootId() throws IOException {
    String id = boot;
    if (id == null) {
      id = Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
      boot = id;
    }
    return id;
  }

  /**
   * Field 22 of {@code /proc/PID/stat}; fields are counted after the name, which may hold anything.
   * Empty if the process is gone.
   */
  private static Optional<Long> startTicks(Path proc, long pid) throws IOException {
    try {
      String stat = Files.readString(proc.resolve(pid + "/stat"), ISO_8859_1);
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      boolean dead = fields[0].equals("Z") || fields[0].equals("X");
      return dead ? Optional.empty() : Optional.of(Long.parseLong(fields[19]));
    } catch (IOException e) {
      if (isGone(e)) {
        return Optional.empty();
      }
      throw e;
    } catch (RuntimeException e) {
      throw new IOException("the state of process " + pid + " isn't one", e);
    }
  }

  /** Whether it says that a process has ended: before its file was opened, or read. */
  private static boolean isGone(IOException e) {
    return e instanceof NoSuchFileException || "No such process".equals(e.getMessage());
  }

  /**
   * Processes of this user that have a {@code -pidfile} argument of the form {@code
   * directory/NAME/file}, by NAME. Finds those that were started by a daemon that died before it
   * could write them down.
   */
  static Map<String, Long> byPidFile(Path directory, String file) throws IOException {
    Map<String, Long> found = new HashMap<>();
    Object self = Files.getAttribute(PROC.resolve("self"), "unix:uid");
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        try {
          if (Files.getAttribute(process, "unix:uid").equals(self)) {
            byte[] arguments = Files.readAllBytes(process.resolve("cmdline"));
            pidFileIn(new String(arguments, UTF_8), directory + "/", "/" + file)
                .ifPresent(name -> found.put(name, Long.valueOf(process.getFileName().toString())));
          }
        } catch (IOException e) {
          if (!isGone(e)) {
            throw e;
          }
        }
      }
    }
    return found;
  }

  /** What stands between a prefix and a suffix in arguments: strings, for any process has some. */
  private static Optional<String> pidFileIn(String cmdline, String before, String after) {
    List<String> arguments = List.of(cmdline.split("\0", -1));
    int value = arguments.indexOf("-pidfile") + 1;
    if (value == 0 || value == arguments.size()) {
      return Optional.empty();
    }
    String path = arguments.get(value);
    if (!path.startsWith(before)
        || !path.endsWith(after)
        || path.length() <= before.length() + after.length()) {
      return Optional.empty();
    }
    String name = path.substring(before.length(), path.length() - after.length());
    return name.contains("/") ? Optional.empty() : Optional.of(name);
  }
}
