package io.bailey.io;

import java.io.IOException;
import java.nio.file.Path;

/** Files of a few bytes that are replaced as a whole. */
public final class SmallFile {
  private SmallFile() {}

  /**
   * Puts a file with these bytes in the place of the one of that name, in one step: under its name
   * there is never half of it. What has the name with {@code .new} after it is overwritten.
   *
   * <p>The bytes are synced, the name isn't: it survives power loss once the directory is synced.
   *
   * @param length of the bytes, from the first on
   */
  public static void replace(HostFiles files, Path path, byte[] bytes, int length)
      throws IOException {
    Path fresh = path.resolveSibling(path.getFileName() + ".new");
    files.delete(fresh);
    try (HostFile file = files.create(fresh)) {
      file.write(0, bytes, 0, length);
      file.sync();
    }
    files.rename(fresh, path);
  }
}
