package io.bailey.remote;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.volume.ChunkSource;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;

/** Finds out what kind of source a text means. */
public final class ChunkSources {
  /** {@code -Dbailey.http.timeoutMillis=N}: how long a server may be silent, ms. */
  private static final long TIMEOUT_MILLIS = Long.getLong("bailey.http.timeoutMillis", 30_000);

  private ChunkSources() {}

  /**
   * Opens a source: an {@code http} or {@code https} URL that chunk names are appended to, or a
   * directory, absolute, of chunk files or of a store.
   *
   * @throws StorageException kind {@code INVALID} if it is neither
   */
  public static ChunkSource of(String text) throws StorageException {
    if (text.startsWith("http://") || text.startsWith("https://")) {
      return new HttpChunks(prefix(text), Duration.ofMillis(TIMEOUT_MILLIS));
    }
    Path directory;
    try {
      directory = Path.of(text);
    } catch (InvalidPathException e) {
      throw new StorageException(Kind.INVALID, "'" + text + "' is no path", e);
    }
    if (!directory.isAbsolute() || !Files.isDirectory(directory)) {
      throw new StorageException(
          Kind.INVALID,
          "'" + text + "' is neither a directory that is there nor an http:// or https:// URL");
    }
    boolean store = Files.exists(directory.resolve("store"));
    return new DirectoryChunks(store ? directory.resolve("chunks") : directory);
  }

  private static URI prefix(String text) throws StorageException {
    URI uri;
    try {
      uri = URI.create(text.endsWith("/") ? text : text + "/");
    } catch (IllegalArgumentException e) {
      throw new StorageException(Kind.INVALID, "'" + text + "' is no URL", e);
    }
    if (uri.getHost() == null
        || uri.getUserInfo() != null
        || uri.getQuery() != null
        || uri.getFragment() != null) {
      throw new StorageException(
          Kind.INVALID, "'" + text + "' isn't of the form http://HOST[:PORT]/PATH");
    }
    return uri;
  }
}
