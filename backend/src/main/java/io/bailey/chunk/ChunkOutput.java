package io.bailey.chunk;

import io.bailey.io.HostFile;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * A chunk being written, front to back, in host writes of 1 MiB. It gets its name when it is
 * finished; closed before that, nothing of it remains. One thread.
 */
public final class ChunkOutput implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 20;

  private final ChunkStore store;
  private final Path temporary;
  private final HostFile file;
  private final MessageDigest sha = ChunkId.sha256();
  private byte[] buffer = new byte[1 << 14];
  private int buffered;
  private long flushed;
  private boolean done;

  ChunkOutput(ChunkStore store, ChunkKind kind, Path temporary, HostFile file) {
    this.store = store;
    this.temporary = temporary;
    this.file = file;
    System.arraycopy(kind.header(), 0, buffer, 0, ChunkKind.HEADER_BYTES);
    buffered = ChunkKind.HEADER_BYTES;
  }

  /** Bytes written so far: the offset at which the next write lands. */
  public long size() {
    return flushed + buffered;
  }

  public void write(byte[] src, int offset, int length) throws IOException {
    if (length > buffer.length - buffered) {
      if (buffer.length < BUFFER_BYTES) {
        int grown = Math.min(BUFFER_BYTES, Math.max(2 * buffer.length, buffered + length));
        buffer = Arrays.copyOf(buffer, grown);
      }
      if (length > buffer.length - buffered) {
        flush();
      }
      if (length >= buffer.length) {
        put(src, offset, length);
        return;
      }
    }
    System.arraycopy(src, offset, buffer, buffered, length);
    buffered += length;
  }

  /** Ends the chunk and returns it with one reference. */
  public Chunk finish() throws IOException {
    flush();
    Chunk chunk = store.publish(temporary, file, ChunkId.ofDigest(sha.digest()), flushed);
    done = true;
    return chunk;
  }

  @Override
  public void close() throws IOException {
    if (!done) {
      done = true;
      store.abandon(temporary, file);
    }
  }

  private void flush() throws IOException {
    put(buffer, 0, buffered);
    buffered = 0;
  }

  private void put(byte[] src, int offset, int length) throws IOException {
    if (length > 0) {
      file.write(flushed, src, offset, length);
      sha.update(src, offset, length);
      flushed += length;
    }
  }
}
