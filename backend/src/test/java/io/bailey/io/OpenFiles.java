package io.bailey.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
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
        try {
          Path file = Files.readSymbolicLink(link);
          if (file.startsWith(path)) {
            open.add(file);
          }
        } catch (NoSuchFileException e) {
          // Closed meanwhile.
        }
      }
    }
    return open;
  }
}
