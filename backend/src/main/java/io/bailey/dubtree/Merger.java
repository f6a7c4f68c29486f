package io.bailey.dubtree;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.Epoch;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Carries out one merge. */
public final class Merger {
  /** A chunk stays where it is while at least this share of it is in use. */
  private static final double MIN_LIVE_SHARE = 0.75;

  private Merger() {}

  /**
   * Merges neighbouring runs into one.
   *
   * @param runs newest first
   * @param bottom true if no older run lies below them, so that zeros need no mention
   */
  public static RunWriter.Finished merge(
      RunCatalog catalog, List<Run> runs, int level, boolean bottom, Epoch epoch, long diskBlocks)
      throws IOException {
    Cursor cursor = new TreeCursor(runs.getLast());
    for (int i = runs.size() - 2; i >= 0; i--) {
      cursor = Cursor.overlay(new TreeCursor(runs.get(i)), cursor);
    }
    try (RunWriter writer =
        new RunWriter(catalog, epoch, level, diskBlocks, staying(runs.getLast(), level))) {
      for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
        if (!(bottom && entry instanceof Entry.Zeros)) {
          writer.add(entry);
        }
      }
      return writer.finish();
    }
  }

  /** The target level's chunks that are worth keeping as they are. */
  private static Set<Chunk> staying(Run target, int level) throws IOException {
    Set<Chunk> staying = new HashSet<>();
    if (target.level() == level) {
      Run.Content content = target.content();
      for (int i = 0; i < content.chunks.size(); i++) {
        Descriptor.ChunkRef ref = content.descriptor.chunks().get(i);
        if (ref.liveBytes() >= MIN_LIVE_SHARE * ref.bytes()) {
          staying.add(content.chunks.get(i));
        }
      }
    }
    return staying;
  }
}
