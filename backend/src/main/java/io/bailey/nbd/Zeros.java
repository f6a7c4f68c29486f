package io.bailey.nbd;

import java.util.Arrays;

/** Finds out whether bytes are all zero. */
final class Zeros {
  private static final byte[] ZEROS = new byte[64 << 10];

  private Zeros() {}

  /** Costs a comparison or two where there is data, and a scan where there is none. */
  static boolean only(byte[] bytes, int from, int length) {
    if (length > 0 && (bytes[from] != 0 || bytes[from + length - 1] != 0)) {
      return false;
    }
    for (int at = 0; at < length; at += ZEROS.length) {
      int part = Math.min(ZEROS.length, length - at);
      if (!Arrays.equals(bytes, from + at, from + at + part, ZEROS, 0, part)) {
        return false;
      }
    }
    return true;
  }
}
