package io.bailey.dubtree;

import java.util.List;
import java.util.Optional;

/**
 * Which runs to merge: a pure function of their levels and sizes.
 *
 * <p>Batches that come out of write buffers pile up as runs of level 0. When there are {@link
 * #MAX_NEWEST_RUNS} of them they go, with everything above it, into the smallest level that has
 * room for all: its values stay where they are, and only its tree is made afresh.
 */
public final class MergePolicy {
  /** Runs of level 0 that trigger a merge. */
  public static final int MAX_NEWEST_RUNS = 4;

  private MergePolicy() {}

  /**
   * What the policy knows of a run.
   *
   * @param liveBytes stored bytes of its values in use
   */
  public record RunInfo(int level, long liveBytes) {}

  /**
   * A merge to do.
   *
   * @param runs how many of the newest runs to merge
   * @param level of the run that comes out
   */
  public record Merge(int runs, int level) {}

  /**
   * Chooses.
   *
   * @param own the volume's own runs, newest first; runs of its base are not merged
   */
  public static Optional<Merge> choose(List<RunInfo> own) {
    int newest = 0;
    long bytes = 0;
    while (newest < own.size() && own.get(newest).level() == Dubtree.NEWEST_LEVEL) {
      bytes += own.get(newest).liveBytes();
      newest++;
    }
    if (newest < MAX_NEWEST_RUNS) {
      return Optional.empty();
    }
    int runs = newest;
    for (int level = 1; level < Dubtree.MAX_LEVELS; level++) {
      while (runs < own.size() && own.get(runs).level() <= level) {
        bytes += own.get(runs).liveBytes();
        runs++;
      }
      if (bytes <= Dubtree.capacityBytes(level)) {
        return Optional.of(new Merge(runs, level));
      }
    }
    return Optional.of(new Merge(runs, Dubtree.MAX_LEVELS - 1));
  }

  /** The level for a batch that has nothing above it to merge with: an imported image. */
  public static int levelFor(long liveBytes) {
    int level = 1;
    while (level < Dubtree.MAX_LEVELS - 1 && liveBytes > Dubtree.capacityBytes(level)) {
      level++;
    }
    return level;
  }
}
