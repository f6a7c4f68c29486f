package io.bailey.daemon;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where a daemon and its clients meet, and how much memory it takes, where nobody says. */
public final class DefaultPlaces {
  private static final long MOST_MEMORY_BYTES = 2L << 30;

  private final Map<String, String> environment;
  private final boolean root;
  private final Path home;

  DefaultPlaces(Map<String, String> environment, boolean root, Path home) {
    this.environment = Map.copyOf(environment);
    this.root = root;
    this.home = home;
  }

  /** The places for the user of this process. */
  public static DefaultPlaces ofThisProcess() {
    return new DefaultPlaces(
        System.getenv(), userId() == 0, Path.of(System.getProperty("user.home", "/")));
  }

  /**
   * {@code BAILEY_RUN_DIR}, else {@code /run/bailey} for root and {@code $XDG_RUNTIME_DIR/bailey}
   * for others; kind {@code INVALID} where that is not set either.
   */
  public Path runDirectory() throws StorageException {
    String chosen = value("BAILEY_RUN_DIR");
    if (chosen != null) {
      return Path.of(chosen).toAbsolutePath();
    }
    if (root) {
      return Path.of("/run/bailey");
    }
    String runtime = value("XDG_RUNTIME_DIR");
    if (runtime == null) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "no run directory: give --run-dir DIR, or set BAILEY_RUN_DIR or XDG_RUNTIME_DIR");
    }
    return Path.of(runtime, "bailey");
  }

  /**
   * {@code /var/lib/bailey} for root, else {@code bailey} in {@code $XDG_DATA_HOME} or in {@code
   * ~/.local/share}.
   */
  public Path store() {
    if (root) {
      return Path.of("/var/lib/bailey");
    }
    String data = value("XDG_DATA_HOME");
    return data == null ? home.resolve(".local/share/bailey") : Path.of(data, "bailey");
  }

  /** A quarter of the machine's memory, at most 2 GiB. */
  public static long memoryBudgetBytes() {
    List<String> meminfo = List.of();
    try {
      meminfo = Files.readAllLines(Path.of("/proc/meminfo"));
    } catch (IOException e) {
      warn(e);
    }
    return memoryBudgetBytes(meminfo);
  }

  /**
   * The same of a machine whose {@code /proc/meminfo} has these lines; 512 MiB if they don't say.
   */
  static long memoryBudgetBytes(List<String> meminfo) {
    try {
      for (String line : meminfo) {
        if (line.startsWith("MemTotal:")) {
          long kib = Long.parseLong(line.replaceAll("[^0-9]", ""));
          return Math.min(kib * 1024 / 4, MOST_MEMORY_BYTES);
        }
      }
    } catch (NumberFormatException e) {
      warn(e);
    }
    return MOST_MEMORY_BYTES / 4;
  }

  private static void warn(Exception e) {
    System.getLogger(DefaultPlaces.class.getName())
        .log(System.Logger.Level.WARNING, "cannot read /proc/meminfo: " + e.getMessage());
  }

  private static int userId() {
    try {
      return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException | UnsupportedOperationException e) {
      return "root".equals(System.getProperty("user.name")) ? 0 : -1;
    }
  }

  private @Nullable String value(String name) {
    String value = environment.get(name);
    return value == null || value.isEmpty() ? null : value;
  }
}
