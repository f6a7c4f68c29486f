package io.bailey.chunk;

import io.bailey.io.HostFile;
import io.bailey.io.LargeBuffers;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;

/**
 * A chunk being written, front to back, in host writes of 1 MiB. It gets its name when it is
 * finished; closed before that, nothing of it remains. One thread.
 */
public final class ChunkOutput implements AutoCloseable {
  private final ChunkStore store;
  private final ChunkKind kind;
  private final Path temporary;
  private final long serial;
  private final HostFile file;
  private final MessageDigest sha = ChunkId.sha256();
  private byte[] buffer = new byte[1 << 14];
  private int buffered;
  private long flushed;
  private boolean done;

  ChunkOutput(ChunkStore store, ChunkKind kind, Path temporary, HostFile file, long serial) {
    this.store = store;
    this.kind = kind;
    this.temporary = temporary;
    this.file = file;
    this.serial = serial;
    System.arraycopy(kind.header(), 0, buffer, 0, ChunkKind.HEADER_BYTES);
    buffered = ChunkKind.HEADER_BYTES;
  }

  /** The {@link Chunk#serial} of the chunk to be, unless the store has the same one already. */
  public long serial() {
    return serial;
  }

  /** Bytes written so far: the offset at which the next write lands. */
  public long size() {
    return flushed + buffered;
  }

  public void write(byte[] src, int offset, int length) throws IOException {
    if (length > room()) {
      if (buffer.length < LargeBuffers.BYTES) {
        byte[] large = LargeBuffers.take();
        System.arraycopy(buffer, 0, large, 0, buffered);
        buffer = large;
      }
      if (length > room()) {
        flush();
      }
      if (length > room()) {
        put(src, offset, length);
        return;
      }
    }
    System.arraycopy(src, offset, buffer, buffered, length);
    buffered += length;
  }

  private int room() {
    return Math.min(buffer.length, LargeBuffers.IO_BYTES) - buffered;
  }

  /** Ends the chunk and returns it with one reference. */
  public Chunk finish() throws IOException {
    flush();
    giveBuffer();
    Chunk chunk =
        store.publish(
            new Chunk(store, kind, ChunkId.ofDigest(sha.digest()), flushed, serial),
            temporary,
            file);
    done = true;
    return chunk;
  }

  @Override
  public void close() throws IOException {
    if (!done) {
      done = true;
      giveBuffer();
      store.abandon(temporary, file, serial);
    }
  }

  private void giveBuffer() {
    LargeBuffers.give(buffer);
    buffer = new byte[0];
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
