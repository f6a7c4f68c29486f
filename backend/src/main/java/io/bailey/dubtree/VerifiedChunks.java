package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkId;
import io.bailey.io.Decoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Whole chunks in memory for a merge, each read in one go and proved by its name before a byte of
 * it is copied. Holds at most 16 of at most 4 MiB. One thread.
 */
final class VerifiedChunks {
  private static final int MAX_CHUNKS = 16;

  private final Map<Chunk, byte[]> contents =
      new LinkedHashMap<>(2 * MAX_CHUNKS, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Chunk, byte[]> eldest) {
          return size() > MAX_CHUNKS;
        }
      };

  byte[] get(Chunk chunk) throws IOException {
    byte[] present = contents.get(chunk);
    if (present != null) {
      return present;
    }
    if (chunk.size() > ValueWriter.MAX_CHUNK_BYTES) {
      throw new StorageException(
          Kind.DAMAGED, chunk + " has " + chunk.size() + " bytes, more than a chunk may have");
    }
    byte[] content = new byte[(int) chunk.size()];
    chunk.read(0, content, 0, content.length);
    ChunkId found = ChunkId.readFrom(new Decoder("hash", ChunkId.sha256().digest(content)));
    if (!found.equals(chunk.id())) {
      throw new StorageException(
          Kind.DAMAGED, "chunk " + chunk + " is damaged: its content's SHA-256 is " + found);
    }
    contents.put(chunk, content);
    return content;
  }
}
