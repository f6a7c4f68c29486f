package io.bailey.dubtree;

import io.bailey.bench.Workplace;
import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.KeyRing;
import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A benchmark's runs, with one key, in a directory that goes with them. */
final class BenchRuns implements AutoCloseable {
  final DataKey key = DataKey.random();
  final ChunkStore chunks;
  final RunCatalog catalog;
  private final Path directory;

  BenchRuns(int openFiles, BlockCache cache, long presenceBytes) throws IOException {
    directory = Files.createTempDirectory("bailey-jmh");
    chunks = new ChunkStore(new LocalFiles(), directory.resolve("chunks"), openFiles);
    KeyRing keys = new KeyRing();
    keys.add(key);
    catalog = new RunCatalog(chunks, keys, cache, presenceBytes);
  }

  /** Deletes them all; to be called when the benchmark has released its stacks. */
  @Override
  public void close() throws IOException {
    chunks.close();
    Workplace.delete(directory);
  }
}
