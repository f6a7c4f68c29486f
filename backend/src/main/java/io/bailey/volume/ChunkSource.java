package io.bailey.volume;

import java.io.IOException;
import java.io.InputStream;

/**
 * Another place that has chunk files under their names. What it gives is held against the name by
 * whoever asks, so it needn't be trusted. One thread, but any may close it.
 */
public interface ChunkSource extends AutoCloseable {
  /**
   * Opens a chunk's file.
   *
   * @param name 64 of {@code 0-9a-f}
   * @param bytes how long the file must be
   * @throws io.bailey.io.StorageException kind {@code NOT_FOUND} if the source answers, and doesn't
   *     have it; {@code IO} if the source as a whole fails
   */
  InputStream open(String name, long bytes) throws IOException;

  /** Ends, with an error, what still waits for the source. Does nothing the second time. */
  @Override
  void close();
}
