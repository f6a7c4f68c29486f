package io.bailey.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What this process has open. */
public final class OpenFiles {
  private OpenFiles() {}

  /** Files that are that path, or lie below it. */
  public static List<Path> at(Path path) throws IOException {
    List<Path> open = new ArrayList<>();
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      for (Path link : all.toList()) {
        // The descriptor of the listing is gone by now.
        if (Files.isSymbolicLink(link) && Files.readSymbolicLink(link).startsWith(path)) {
          open.add(Files.readSymbolicLink(link));
        }
      }
    }
    return open;
  }
}
