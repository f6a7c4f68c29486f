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
  private final HostFile file;
  private final MessageDigest sha = ChunkId.sha256();
  private byte[] buffer = new byte[1 << 14];
  private int buffered;
  private long flushed;
  private boolean done;

  ChunkOutput(ChunkStore store, ChunkKind kind, Path temporary, HostFile file) {
    this.store = store;
    this.kind = kind;
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
    int done = 0;
    while (done < length) {
      int piece = Math.min(length - done, LargeBuffers.IO_BYTES - buffered);
      if (piece > buffer.length - buffered) {
        byte[] large = LargeBuffers.take();
        System.arraycopy(buffer, 0, large, 0, buffered);
        buffer = large;
      }
      System.arraycopy(src, offset + done, buffer, buffered, piece);
      buffered += piece;
      done += piece;
      if (buffered == LargeBuffers.IO_BYTES) {
        flush();
      }
    }
  }

  /** Ends the chunk and returns it with one reference. */
  public Chunk finish() throws IOException {
    flush();
    giveBuffer();
    Chunk chunk =
        store.publish(
            new Chunk(store, kind, ChunkId.ofDigest(sha.digest()), flushed, store.newSerial()),
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
      store.abandon(temporary, file);
    }
  }

  private void giveBuffer() {
    LargeBuffers.give(buffer);
    buffer = new byte[0];
  }

  private void flush() throws IOException {
    if (buffered > 0) {
      file.write(flushed, buffer, 0, buffered);
      sha.update(buffer, 0, buffered);
      flushed += buffered;
      buffered = 0;
    }
  }
}
