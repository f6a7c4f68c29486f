package io.bailey.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where the daemon keeps its sockets, and where a store lies by default. */
final class RunDirectory {
  private RunDirectory() {}

  /**
   * The run directory: the option, else {@code BAILEY_RUN_DIR}, else {@code /run/bailey} for root,
   * else {@code $XDG_RUNTIME_DIR/bailey}.
   */
  static Path find(@Nullable Path option, Map<String, String> environment, String user)
      throws IOException {
    if (option != null) {
      return option.toAbsolutePath().normalize();
    }
    String variable = environment.getOrDefault("BAILEY_RUN_DIR", "");
    if (!variable.isEmpty()) {
      return Path.of(variable).toAbsolutePath().normalize();
    }
    if (user.equals("root")) {
      return Path.of("/run/bailey");
    }
    String session = environment.getOrDefault("XDG_RUNTIME_DIR", "");
    if (!session.isEmpty()) {
      return Path.of(session, "bailey");
    }
    throw new IOException(
        "no run directory: XDG_RUNTIME_DIR is not set, so name one with --run-dir or"
            + " BAILEY_RUN_DIR");
  }

  /** The user's store: {@code /var/lib/bailey} for root, else in the user's data directory. */
  static Path defaultStore(Map<String, String> environment, String user) {
    if (user.equals("root")) {
      return Path.of("/var/lib/bailey");
    }
    String data = environment.getOrDefault("XDG_DATA_HOME", "");
    return data.isEmpty()
        ? Path.of(System.getProperty("user.home"), ".local", "share", "bailey")
        : Path.of(data, "bailey");
  }
}
