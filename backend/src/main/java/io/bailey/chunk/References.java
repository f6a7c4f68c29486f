package io.bailey.chunk;

/**
 * How many refer to something, and whether on behalf of more than one disk: what one of them makes
 * garbage of it stays then, and what one reads of it the others may want. Begins with one. Changed
 * under a lock of who counts, asked about without.
 */
@SuppressWarnings("NonAtomicVolatileUpdate")
public final class References {
  private volatile int count = 1;

  /** Whether another disk was ever given it: a disk has several stacks while it is merged. */
  private volatile boolean givenAway;

  public void add() {
    count++;
  }

  /** Returns whether that was the last one. */
  public boolean remove() {
    return --count == 0;
  }

  /** Another disk than those that have it is given it. */
  public void giveAway() {
    givenAway = true;
  }

  public boolean isGivenAway() {
    return givenAway;
  }

  /**
   * Whether more than one disk has it. What was given away and came back counts as shared also
   * while its disk has two stacks.
   */
  public boolean isShared() {
    return givenAway && count > 1;
  }
}
