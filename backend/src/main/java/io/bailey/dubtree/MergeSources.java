package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkId;
import io.bailey.io.LargeBuffers;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Set;

/**
 * The chunks that a merge copies values from. Values lie in a chunk in the order of their blocks,
 * and a merge goes through the blocks in order, so each chunk is read once, front to back, 1 MiB at
 * a time, and hashed on the way; before the merge may count, {@link #verify} reads what is left and
 * holds every chunk against its name. Nothing is decrypted. At most 64 MiB of windows. One thread.
 */
final class MergeSources {
  private static final int MAX_WINDOWS = 64;

  /** Chunks being read, the longest untouched first. */
  private final LinkedHashMap<Chunk, Source> open = new LinkedHashMap<>(128, 0.75f, true);

  /** Chunks that turned out to be what their names say. */
  private final Set<Chunk> verified = new HashSet<>();

  private static final class Source {
    final Chunk chunk;
    final MessageDigest sha = ChunkId.sha256();
    byte[] window = LargeBuffers.take();
    long windowStart;
    int windowLength;

    Source(Chunk chunk) {
      this.chunk = chunk;
    }

    long windowEnd() {
      return windowStart + windowLength;
    }

    /** Moves on by a window, keeping the bytes from {@code keepFrom} on. */
    void advance(long keepFrom) throws IOException {
      long end = windowEnd();
      int kept = (int) Math.max(0, end - Math.max(keepFrom, windowStart));
      int more = (int) Math.min(LargeBuffers.IO_BYTES, chunk.size() - end);
      // What is kept is the part of one value at most: the buffer has room for it.
      System.arraycopy(window, windowLength - kept, window, 0, kept);
      chunk.read(end, window, kept, more);
      sha.update(window, kept, more);
      windowStart = end - kept;
      windowLength = kept + more;
    }
  }

  /** Bytes of a chunk: valid until the next call. */
  record Bytes(byte[] array, int offset) {}

  /** Finds a value's sealed bytes; kind {@code DAMAGED} if they would lie beyond the chunk. */
  Bytes get(Chunk chunk, long offset, int size, long block) throws IOException {
    if (offset < 0 || offset + size > chunk.size()) {
      throw RunStack.damagedValue(chunk, offset, block);
    }
    if (verified.contains(chunk)) {
      return apart(chunk, offset, size);
    }
    Source source = open.get(chunk);
    if (source == null) {
      source = new Source(chunk);
      open.put(chunk, source);
      if (open.size() > MAX_WINDOWS) {
        Iterator<Source> sources = open.values().iterator();
        Source eldest = sources.next();
        sources.remove();
        finish(eldest);
      }
    }
    if (offset < source.windowStart) {
      return apart(chunk, offset, size);
    }
    while (offset + size > source.windowEnd()) {
      source.advance(offset);
    }
    return new Bytes(source.window, (int) (offset - source.windowStart));
  }

  private static Bytes apart(Chunk chunk, long offset, int size) throws IOException {
    byte[] bytes = new byte[size];
    chunk.read(offset, bytes, 0, size);
    return new Bytes(bytes, 0);
  }

  /** Reads what is left of every chunk; kind {@code DAMAGED} if one isn't what its name says. */
  void verify() throws IOException {
    for (Source source : open.values()) {
      finish(source);
    }
    open.clear();
  }

  private void finish(Source source) throws IOException {
    while (source.windowEnd() < source.chunk.size()) {
      source.advance(source.windowEnd());
    }
    ChunkId found = ChunkId.ofDigest(source.sha.digest());
    if (!found.equals(source.chunk.id())) {
      throw new StorageException(
          Kind.DAMAGED, "chunk " + source.chunk + " is damaged: its content's SHA-256 is " + found);
    }
    verified.add(source.chunk);
    LargeBuffers.give(source.window);
  }
}
