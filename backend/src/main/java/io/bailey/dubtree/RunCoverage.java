package io.bailey.dubtree;

import java.io.IOException;
import java.util.List;

/** Tells which blocks of a run can be seen under the newer runs of its stack. */
public final class RunCoverage {
  private final List<Run> newer;
  private final Piece visitor;

  /** Takes a piece of a range: the first block and the one after the last. */
  @FunctionalInterface
  public interface Piece {
    void piece(long from, long to);
  }

  private RunCoverage(List<Run> newer, Piece visitor) {
    this.newer = newer;
    this.visitor = visitor;
  }

  /** Reports the pieces of a range that none of the newer runs has an entry for, in order. */
  public static void uncovered(List<Run> newer, long from, long to, Piece visitor) {
    new RunCoverage(newer, visitor).below(0, from, to);
  }

  private void below(int depth, long from, long to) {
    if (from >= to) {
      return;
    }
    if (depth == newer.size()) {
      visitor.piece(from, to);
      return;
    }
    long at = from;
    try {
      Run.Content run = newer.get(depth).content();
      while (at < to && !run.isEmpty()) {
        Run.Content.Position position = run.seek(at, false);
        if (position == null) {
          throw new IllegalStateException("a node wasn't read");
        }
        Leaf leaf = position.leaf();
        long end = Math.min(to, position.end());
        for (int i = Math.max(0, leaf.floor(at)); i < leaf.count() && leaf.start(i) < end; i++) {
          if (leaf.end(i) > at) {
            below(depth + 1, at, leaf.start(i));
            at = leaf.end(i);
          }
        }
        below(depth + 1, at, end);
        at = Math.max(at, end);
      }
    } catch (IOException e) {
      // A run that can't be read is reported for itself, and hides nothing for sure.
    }
    below(depth + 1, at, to);
  }
}
