package io.bailey.bench;

import java.io.IOException;

/** A process that provides a disk under test. One thread. */
interface Provider extends AutoCloseable {
  /** Waits until the process has nothing to do in the background. */
  void settle() throws IOException;

  Usage usage() throws IOException;

  /** Ends the process. */
  @Override
  void close() throws IOException;
}
