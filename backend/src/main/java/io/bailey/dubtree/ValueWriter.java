package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkKind;
import io.bailey.chunk.ChunkOutput;
import io.bailey.chunk.ChunkStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Appends sealed values to chunks. A chunk ends where the content says so: after a value whose tag
 * has its low bits zero, between 1 and 4 MiB. One thread.
 */
final class ValueWriter implements AutoCloseable {
  static final int MAX_CHUNK_BYTES = 4 << 20;
  private static final int MIN_CHUNK_BYTES = 1 << 20;

  /** One value in 2048 ends a chunk: 2 to 4 MiB on at the usual 1 to 2 KiB. */
  private static final int BOUNDARY_MASK = (1 << 11) - 1;

  private final ChunkStore store;
  private final List<Chunk> finished = new ArrayList<>();
  private @Nullable ChunkOutput out;

  ValueWriter(ChunkStore store) {
    this.store = store;
  }

  /** The number, from 0, of the chunk that the next value goes into. */
  int chunkNumber() {
    return finished.size();
  }

  /** The offset at which the next value lands in it. */
  long offset() {
    return out == null ? ChunkKind.HEADER_BYTES : out.size();
  }

  private ChunkOutput output() throws IOException {
    ChunkOutput current = out;
    if (current == null) {
      current = store.newOutput(ChunkKind.VALUES);
      out = current;
    }
    return current;
  }

  void write(byte[] sealed, int at, int size, byte[] tags, int tag) throws IOException {
    ChunkOutput current = output();
    current.write(sealed, at, size);
    int low = ((tags[tag] & 0xFF) << 8) | (tags[tag + 1] & 0xFF);
    boolean boundary = (low & BOUNDARY_MASK) == 0 && current.size() >= MIN_CHUNK_BYTES;
    if (boundary || current.size() > MAX_CHUNK_BYTES - Dubtree.BLOCK_BYTES) {
      endChunk();
    }
  }

  /** Ends the last chunk; returns all, each with one reference that is the caller's from now on. */
  List<Chunk> finish() throws IOException {
    endChunk();
    List<Chunk> all = List.copyOf(finished);
    finished.clear();
    return all;
  }

  private void endChunk() throws IOException {
    if (out != null) {
      finished.add(out.finish());
      out = null;
    }
  }

  @Override
  public void close() throws IOException {
    if (out != null) {
      out.close();
      out = null;
    }
    for (Chunk chunk : finished) {
      store.release(chunk);
    }
    finished.clear();
  }
}
