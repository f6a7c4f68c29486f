package io.bailey.nbd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Finds out whether bytes are all zero. */
final class Zeros {
  private static final MemorySegment ZEROS = MemorySegment.ofArray(new byte[64 << 10]);

  private Zeros() {}

  /** Costs a comparison or two where there is data, and a scan where there is none. */
  static boolean only(MemorySegment bytes, long from, int length) {
    if (length > 0
        && (bytes.get(ValueLayout.JAVA_BYTE, from) != 0
            || bytes.get(ValueLayout.JAVA_BYTE, from + length - 1) != 0)) {
      return false;
    }
    for (int at = 0; at < length; at += (int) ZEROS.byteSize()) {
      long part = Math.min(ZEROS.byteSize(), length - at);
      if (MemorySegment.mismatch(bytes, from + at, from + at + part, ZEROS, 0, part) >= 0) {
        return false;
      }
    }
    return true;
  }
}
