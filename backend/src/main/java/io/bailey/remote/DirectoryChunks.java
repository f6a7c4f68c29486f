package io.bailey.remote;

import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.volume.ChunkSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** A directory of chunk files. */
final class DirectoryChunks implements ChunkSource {
  private final Path directory;

  DirectoryChunks(Path directory) {
    this.directory = directory;
  }

  @Override
  public InputStream open(String name, long bytes) throws IOException {
    Path path = directory.resolve(name);
    // Opening a pipe would wait for who writes to it.
    if (!Files.isRegularFile(path)) {
      throw new StorageException(Kind.NOT_FOUND, directory + " has no file " + name);
    }
    try {
      return Files.newInputStream(path);
    } catch (IOException e) {
      throw LocalFiles.failure("open", path, e);
    }
  }

  @Override
  public void close() {}
}
