package io.bailey.dubtree;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.FaultyFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/** A catalog over a directory, and runs made of random pieces beside plain maps of them. */
final class TestRuns {
  final FaultyFiles files = new FaultyFiles();
  final DataKey key = DataKey.random();
  final Epoch epoch = Epoch.begin(key);
  final Path directory;
  final long blocks;
  ChunkStore chunks;
  RunCatalog catalog;

  TestRuns(Path directory, long blocks) throws IOException {
    this.directory = directory;
    this.blocks = blocks;
    reopen();
  }

  /** Forgets all that was read; what is on disk stays. */
  void reopen() throws IOException {
    KeyRing keys = new KeyRing();
    keys.add(key);
    chunks = new ChunkStore(files, directory, 64);
    catalog = new RunCatalog(chunks, keys, new BlockCache(32 << 20, 32 << 20), 8 << 20);
  }

  /** The same runs, read from disk. */
  List<Run> reopened(List<Run> runs) throws IOException {
    List<RunRef> refs = runs.stream().map(Run::ref).toList();
    reopen();
    return RunStack.open(catalog, refs).runs();
  }

  /** Blocks of a disk: a seed for a value, 0 for zeros; no entry where the layer has nothing. */
  Map<Long, Long> layer(Random random, double density) {
    Map<Long, Long> layer = new TreeMap<>();
    for (long block = 0; block < blocks; block++) {
      if (random.nextDouble() < density) {
        if (random.nextInt(20) == 0) {
          for (long end = Math.min(blocks, block + random.nextInt(200)); block < end; block++) {
            layer.put(block, 0L);
          }
        } else {
          layer.put(block, random.nextLong() | 1);
        }
      } else if (random.nextInt(30) == 0) {
        block += random.nextInt(300);
      }
    }
    return layer;
  }

  /** The value that a seed stands for: zeros, bytes that compress, or bytes that don't. */
  static void value(long seed, byte[] block) {
    java.util.Arrays.fill(block, (byte) 0);
    if (seed == 0) {
      return;
    }
    Random random = new Random(seed);
    int noise = random.nextInt(4) == 0 ? block.length : random.nextInt(200);
    for (int i = 0; i < noise; i++) {
      block[i] = (byte) random.nextInt();
    }
    block[block.length - 1] = 1;
  }

  RunWriter.Finished write(int level, Map<Long, Long> layer) throws IOException {
    try (RunWriter writer = new RunWriter(catalog, epoch, level, blocks, Set.of())) {
      writer.addAll(cursor(layer));
      return writer.finish();
    }
  }

  private static int load(long seed, byte[] dst) {
    value(seed, dst);
    return dst.length;
  }

  /** Entries of a layer; neighbouring zeros as one range. */
  static Cursor cursor(Map<Long, Long> layer) {
    List<Entry> entries = new ArrayList<>();
    for (Map.Entry<Long, Long> entry : layer.entrySet()) {
      long block = entry.getKey();
      long seed = entry.getValue();
      if (seed != 0) {
        entries.add(new Entry.Unsealed(block, (slot, dst) -> load(seed, dst), 0));
      } else if (!entries.isEmpty()
          && entries.getLast() instanceof Entry.Zeros(long start, long end)
          && end == block) {
        entries.set(entries.size() - 1, new Entry.Zeros(start, block + 1));
      } else {
        entries.add(new Entry.Zeros(block, block + 1));
      }
    }
    return new ListCursor(entries);
  }

  /** A cursor over a list. */
  static final class ListCursor implements Cursor {
    private final List<Entry> entries;
    private int next;

    ListCursor(List<Entry> entries) {
      this.entries = entries;
    }

    @Override
    public Entry next() {
      return next == entries.size() ? null : entries.get(next++);
    }
  }
}
