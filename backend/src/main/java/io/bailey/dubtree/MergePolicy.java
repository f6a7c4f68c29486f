package io.bailey.dubtree;

import java.util.List;
import java.util.Optional;

/**
 * Which runs to merge: a pure function of their levels and sizes.
 *
 * <p>Batches that come out of write buffers pile up as runs of level 0. When there are {@link
 * #MAX_NEWEST_RUNS} of them they go, with everything above it, into the smallest level that has
 * room for all: the values that lie there stay where they are, and only its tree is made afresh.
 * What didn't fit into the level above is larger than that level, and so over a sixteenth of this
 * one: a level below the first takes at most 15 batches before it moves down itself, unless they
 * hide what it has.
 *
 * <p>A volume that rests, or whose files have become too empty, has all its runs made into one, and
 * its emptier files copied.
 */
public final class MergePolicy {
  /** Runs of level 0 that trigger a merge. */
  public static final int MAX_NEWEST_RUNS = 4;

  /** A value file stays where it is in a merge while at least this share of it is in use. */
  static final double KEPT_SHARE = 0.75;

  /** The same where it is a merge's purpose to give space back. */
  static final double KEPT_SHARE_AT_REST = 0.9;

  /** Garbage that a volume may hold though nobody writes, beside a share of what is in use. */
  private static final long REST_SLACK_BYTES = 4L << 20;

  private static final int REST_SLACK_DIVISOR = 32;

  /** Garbage that makes a merge due while a volume is written, beside a quarter of what it has. */
  private static final long BUSY_SLACK_BYTES = 64L << 20;

  private MergePolicy() {}

  /**
   * What the policy knows of a run.
   *
   * @param values how many it has
   * @param liveBytes stored bytes of its values in use
   * @param zeroBlocks blocks that it says are zeros
   * @param reclaimableBytes garbage in those of its files that a merge at rest would copy
   */
  public record RunInfo(
      int level, long values, long liveBytes, long zeroBlocks, long reclaimableBytes) {}

  /**
   * A merge to do.
   *
   * @param runs how many of the newest runs to merge
   * @param level of the run that comes out
   * @param atRest whether files that are in use as {@link #KEPT_SHARE_AT_REST} says stay, whatever
   *     level they come from, and all others are copied
   */
  public record Merge(int runs, int level, boolean atRest) {}

  /**
   * Chooses while the volume is written.
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
      long live = own.stream().mapToLong(RunInfo::liveBytes).sum();
      long garbage = own.stream().mapToLong(RunInfo::reclaimableBytes).sum();
      return garbage > live / 4 + BUSY_SLACK_BYTES ? Optional.of(all(own, live)) : Optional.empty();
    }
    int runs = newest;
    for (int level = 1; level < Dubtree.MAX_LEVELS; level++) {
      while (runs < own.size() && own.get(runs).level() <= level) {
        bytes += own.get(runs).liveBytes();
        runs++;
      }
      if (bytes <= Dubtree.capacityBytes(level)) {
        return Optional.of(new Merge(runs, level, false));
      }
    }
    return Optional.of(new Merge(runs, Dubtree.MAX_LEVELS - 1, false));
  }

  /** Chooses for a volume that nobody has written to for a while. */
  public static Optional<Merge> chooseAtRest(List<RunInfo> own) {
    long live = 0;
    long garbage = 0;
    for (int i = own.size() - 1; i >= 0; i--) {
      RunInfo run = own.get(i);
      if (i < own.size() - 1) {
        // Who hides whom is known only once they are merged: what may be hidden counts.
        garbage += Math.min(live, run.liveBytes() + hiddenByZeros(run, own.getLast()));
      }
      live += run.liveBytes();
      garbage += run.reclaimableBytes();
    }
    return garbage > Math.max(REST_SLACK_BYTES, live / REST_SLACK_DIVISOR)
        ? Optional.of(all(own, live))
        : Optional.empty();
  }

  private static long hiddenByZeros(RunInfo run, RunInfo below) {
    long mean = below.liveBytes() / Math.max(1, below.values());
    return Math.min(run.zeroBlocks(), below.values()) * mean;
  }

  private static Merge all(List<RunInfo> own, long live) {
    return new Merge(own.size(), Math.max(own.getLast().level(), levelFor(live)), true);
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
