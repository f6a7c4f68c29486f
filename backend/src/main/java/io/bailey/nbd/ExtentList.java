package io.bailey.nbd;

import io.bailey.volume.BlockDevice.ExtentKind;
import io.bailey.volume.BlockDevice.ExtentVisitor;
import java.util.Arrays;

/**
 * A range of a disk in pieces, neighbours of the same state merged and the last one cut at the
 * range's end. Not thread-safe.
 */
final class ExtentList implements ExtentVisitor {
  private final int most;
  private final boolean fillWithData;
  private long left;
  private int size;
  private long[] lengths = new long[16];
  private int[] states = new int[16];

  private ExtentList(long rangeBytes, int most, boolean fillWithData) {
    this.left = rangeBytes;
    this.most = most;
    this.fillWithData = fillWithData;
  }

  /** For an answer to BLOCK_STATUS: at most so many, and then it ends. */
  static ExtentList firstOf(long rangeBytes, int most) {
    return new ExtentList(rangeBytes, most, false);
  }

  /** For a read: at most so many that cover the range, the last one data if there are more. */
  static ExtentList covering(long rangeBytes, int most) {
    return new ExtentList(rangeBytes, most, true);
  }

  @Override
  public boolean extent(long length, ExtentKind kind) {
    return add(Math.min(length, left), stateOf(kind));
  }

  private boolean add(long length, int state) {
    boolean continues = size > 0 && states[size - 1] == state;
    if (!continues && size == most) {
      if (fillWithData) {
        lengths[size - 1] += left;
        states[size - 1] = 0;
        left = 0;
      }
      return false;
    }
    if (!continues) {
      append(state);
    }
    lengths[size - 1] += length;
    left -= length;
    return left > 0;
  }

  private void append(int state) {
    if (size == lengths.length) {
      lengths = Arrays.copyOf(lengths, 2 * size);
      states = Arrays.copyOf(states, 2 * size);
    }
    lengths[size] = 0;
    states[size] = state;
    size++;
  }

  /** Counts what the device did not report as data. */
  void close() {
    if (left > 0 && (fillWithData || size == 0)) {
      add(left, 0);
    }
  }

  int size() {
    return size;
  }

  long length(int index) {
    return lengths[index];
  }

  /** {@link Wire#STATE_HOLE}, {@link Wire#STATE_ZERO}; 0 for data. */
  int state(int index) {
    return states[index];
  }

  private static int stateOf(ExtentKind kind) {
    return switch (kind) {
      case DATA -> 0;
      case ZERO -> Wire.STATE_ZERO;
      case HOLE -> Wire.STATE_ZERO | Wire.STATE_HOLE;
    };
  }
}
