package io.bailey.mindcastle;

import java.io.Closeable;
import java.io.IOException;

/** The files that a disk's trees and values lie in, by their ids. */
interface Chunks extends Closeable {
  long size(String id) throws IOException;

  /** Fills the first {@code length} bytes of {@code dst}. */
  void read(String id, long offset, byte[] dst, int length) throws IOException;
}
