package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.Epoch;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** Carries out one merge. */
public final class Merger {
  /** A smaller chunk is copied together with others. */
  private static final long MIN_BYTES = 1 << 20;

  private Merger() {}

  /**
   * Merges neighbouring runs into one.
   *
   * @param runs newest first, as many as {@code merge} says
   * @param bottom true if no older run lies below them, so that zeros need no mention
   * @param cancelled see {@link Cursor#until}
   */
  public static RunWriter.Finished merge(
      RunCatalog catalog,
      List<Run> runs,
      MergePolicy.Merge merge,
      boolean bottom,
      Epoch epoch,
      long diskBlocks,
      BooleanSupplier cancelled)
      throws IOException {
    Cursor cursor = new TreeCursor(runs.getLast());
    for (int i = runs.size() - 2; i >= 0; i--) {
      cursor = Cursor.overlay(new TreeCursor(runs.get(i)), cursor);
    }
    cursor = cursor.until(cancelled);
    try (RunWriter writer =
        new RunWriter(catalog, epoch, merge.level(), diskBlocks, staying(runs, merge))) {
      for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
        if (!(bottom && entry instanceof Entry.Zeros)) {
          writer.add(entry);
        }
      }
      return writer.finish();
    }
  }

  /**
   * The chunks that are worth keeping as they are: those of the target level, where values stay
   * until they move down, and those that came straight out of write buffers, whose values have not
   * been sorted among others yet and will be when they move down. At rest, all that are full
   * enough. What another disk needs too would not go if it were copied.
   */
  private static Set<Chunk> staying(List<Run> runs, MergePolicy.Merge merge) throws IOException {
    double share = merge.atRest() ? MergePolicy.KEPT_SHARE_AT_REST : MergePolicy.KEPT_SHARE;
    Set<Chunk> staying = new HashSet<>();
    for (Run run : runs) {
      boolean fresh = run.level() == Dubtree.NEWEST_LEVEL;
      if (merge.atRest() || run.level() == merge.level() || fresh) {
        Run.Content content = run.content();
        for (int i = 0; i < content.chunks.size(); i++) {
          Chunk chunk = content.chunks.get(i);
          if (chunk.size() >= MIN_BYTES && content.isWorthKeeping(i, share)) {
            staying.add(chunk);
          }
        }
      }
    }
    return staying;
  }
}
