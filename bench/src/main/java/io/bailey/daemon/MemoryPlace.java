package io.bailey.daemon;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Where a daemon keeps what must never reach a disk, so that a benchmark can delete it. */
public final class MemoryPlace {
  private MemoryPlace() {}

  /**
   * The directories in shared memory that daemons on a store have taken and not removed.
   *
   * @param store its real path; the store may be gone
   */
  public static List<Path> of(Path store) {
    return MemoryDirectory.stores(MemoryDirectory.SHARED).entrySet().stream()
        .filter(memory -> memory.getValue().equals(store))
        .map(Map.Entry::getKey)
        .toList();
  }
}
