package io.bailey.volume;

import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunStack;

/** Turns pieces in blocks into the extents of a range in bytes, neighbours of a kind as one. */
final class ExtentMap implements RunStack.Extents {
  private final long end;
  private final BlockDevice.ExtentVisitor visitor;
  private long reported;
  private long pieceEnd;
  private boolean pieceIsData;
  private boolean stopped;

  ExtentMap(long start, long end, BlockDevice.ExtentVisitor visitor) {
    this.end = end;
    this.visitor = visitor;
    reported = start;
    pieceEnd = start;
  }

  @Override
  public boolean extent(long fromBlock, long toBlock, boolean data) {
    if (data != pieceIsData) {
      report();
      pieceIsData = data;
    }
    pieceEnd = Math.min(end, toBlock << Dubtree.BLOCK_SHIFT);
    return !stopped;
  }

  /** Whether the visitor wants no more. */
  boolean isStopped() {
    return stopped;
  }

  void finish() {
    report();
  }

  private void report() {
    if (pieceEnd > reported && !stopped) {
      stopped =
          !visitor.extent(
              pieceEnd - reported,
              pieceIsData ? BlockDevice.ExtentKind.DATA : BlockDevice.ExtentKind.HOLE);
      reported = pieceEnd;
    }
  }
}
