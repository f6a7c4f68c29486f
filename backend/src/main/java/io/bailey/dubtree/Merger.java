package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.Epoch;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** Carries out one merge. */
public final class Merger {
  /** A chunk stays where it is while at least this share of it is in use. */
  private static final double MIN_LIVE_SHARE = 0.75;

  /** A smaller chunk is copied together with others. */
  private static final long MIN_BYTES = 1 << 20;

  private Merger() {}

  /**
   * Merges neighbouring runs into one.
   *
   * @param runs newest first
   * @param bottom true if no older run lies below them, so that zeros need no mention
   * @param cancelled asked now and then; once it says so the merge fails, kind {@code CLOSED}
   */
  public static RunWriter.Finished merge(
      RunCatalog catalog,
      List<Run> runs,
      int level,
      boolean bottom,
      Epoch epoch,
      long diskBlocks,
      BooleanSupplier cancelled)
      throws IOException {
    Cursor cursor = new TreeCursor(runs.getLast());
    for (int i = runs.size() - 2; i >= 0; i--) {
      cursor = Cursor.overlay(new TreeCursor(runs.get(i)), cursor);
    }
    try (RunWriter writer =
        new RunWriter(catalog, epoch, level, diskBlocks, staying(runs, level))) {
      for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
        if (!(bottom && entry instanceof Entry.Zeros)) {
          writer.add(entry);
        }
        if (cancelled.getAsBoolean()) {
          throw new StorageException(Kind.CLOSED, "a merge was cancelled");
        }
      }
      return writer.finish();
    }
  }

  /**
   * The chunks that are worth keeping as they are: those of the target level, where values stay
   * until they move down, and those that came straight out of write buffers, whose values have not
   * been sorted among others yet and will be when they move down.
   */
  private static Set<Chunk> staying(List<Run> runs, int level) throws IOException {
    Set<Chunk> staying = new HashSet<>();
    for (Run run : runs) {
      if (run.level() == level || run.level() == Dubtree.NEWEST_LEVEL) {
        Run.Content content = run.content();
        for (int i = 0; i < content.chunks.size(); i++) {
          Descriptor.ChunkRef ref = content.descriptor.chunks().get(i);
          if (ref.bytes() >= MIN_BYTES && ref.liveBytes() >= MIN_LIVE_SHARE * ref.bytes()) {
            staying.add(content.chunks.get(i));
          }
        }
      }
    }
    return staying;
  }
}
