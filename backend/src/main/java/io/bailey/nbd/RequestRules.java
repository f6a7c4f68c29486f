package io.bailey.nbd;

import static io.bailey.nbd.Wire.FLAG_DF;
import static io.bailey.nbd.Wire.FLAG_FAST_ZERO;
import static io.bailey.nbd.Wire.FLAG_FUA;
import static io.bailey.nbd.Wire.FLAG_NO_HOLE;
import static io.bailey.nbd.Wire.FLAG_REQ_ONE;

/**
 * Says which requests are valid: the only place that does.
 *
 * @param size of the export, in bytes
 * @param structured whether the client negotiated structured replies, so that DF is allowed
 * @param allocation whether it chose base:allocation, so that BLOCK_STATUS is allowed
 */
record RequestRules(long size, boolean readOnly, boolean structured, boolean allocation) {
  /**
   * Checks a request. The first of these that applies is the answer: command or flag unknown or not
   * negotiated, EINVAL; a change of a read-only export, EPERM; a FLUSH with an offset or a length,
   * EINVAL; offset and length beyond 63 bits, EINVAL; past the end, ENOSPC for WRITE and
   * WRITE_ZEROES and EINVAL for others; more data than {@link Wire#MAX_DATA_BYTES}, EOVERFLOW for a
   * READ with DF and EINVAL for others; BLOCK_STATUS of nothing, EINVAL.
   *
   * @param offset as on the wire, so negative where the client means 2^63 and more
   * @param length 0 to 2^32 - 1
   */
  NbdError check(int command, int flags, long offset, long length) {
    if (!known(command) || (flags & ~allowedFlags(command)) != 0) {
      return NbdError.EINVAL;
    }
    if (readOnly && changes(command)) {
      return NbdError.EPERM;
    }
    if (command == Wire.FLUSH) {
      return offset == 0 && length == 0 ? NbdError.OK : NbdError.EINVAL;
    }
    if (offset < 0 || offset > Long.MAX_VALUE - length) {
      return NbdError.EINVAL;
    }
    if (offset + length > size) {
      boolean takesRoom = command == Wire.WRITE || command == Wire.WRITE_ZEROES;
      return takesRoom ? NbdError.ENOSPC : NbdError.EINVAL;
    }
    boolean carriesData = command == Wire.READ || command == Wire.WRITE;
    if (carriesData && length > Wire.MAX_DATA_BYTES) {
      return (flags & FLAG_DF) != 0 ? NbdError.EOVERFLOW : NbdError.EINVAL;
    }
    if (command == Wire.BLOCK_STATUS && length == 0) {
      return NbdError.EINVAL;
    }
    return NbdError.OK;
  }

  private boolean known(int command) {
    return switch (command) {
      case Wire.READ, Wire.WRITE, Wire.FLUSH, Wire.TRIM, Wire.CACHE, Wire.WRITE_ZEROES -> true;
      case Wire.BLOCK_STATUS -> allocation;
      default -> false;
    };
  }

  private int allowedFlags(int command) {
    return switch (command) {
      case Wire.READ -> structured ? FLAG_FUA | FLAG_DF : FLAG_FUA;
      case Wire.WRITE, Wire.FLUSH, Wire.TRIM, Wire.CACHE -> FLAG_FUA;
      case Wire.WRITE_ZEROES -> FLAG_FUA | FLAG_NO_HOLE | FLAG_FAST_ZERO;
      case Wire.BLOCK_STATUS -> FLAG_FUA | FLAG_REQ_ONE;
      default -> 0;
    };
  }

  /** Whether a command may change the disk. */
  static boolean changes(int command) {
    return command == Wire.WRITE || command == Wire.TRIM || command == Wire.WRITE_ZEROES;
  }
}
