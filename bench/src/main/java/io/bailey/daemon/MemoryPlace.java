package io.bailey.daemon;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Where a daemon keeps what must never reach a disk, so that a benchmark can delete it. */
public final class MemoryPlace {
  private MemoryPlace() {}

  /**
   * The directories in shared memory that daemons on a store have taken and not removed.
   *
   * @param store its real path; the store may be gone
   */
  public static List<Path> of(Path store) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> all =
        Files.newDirectoryStream(MemoryDirectory.SHARED, MemoryDirectory.PREFIX + "*")) {
      for (Path memory : all) {
        if (store.equals(MemoryDirectory.storeOf(memory))) {
          found.add(memory);
        }
      }
    }
    return found;
  }
}
