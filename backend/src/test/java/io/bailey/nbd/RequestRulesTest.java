package io.bailey.nbd;

import static io.bailey.nbd.NbdError.EINVAL;
import static io.bailey.nbd.NbdError.ENOSPC;
import static io.bailey.nbd.NbdError.EOVERFLOW;
import static io.bailey.nbd.NbdError.EPERM;
import static io.bailey.nbd.NbdError.OK;
import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class RequestRulesTest {
  private static final long SIZE = 1L << 30;
  private static final long U32 = 0xffff_ffffL;
  private static final int ALL_FLAGS = 0xffff;

  private record Case(String what, int command, int flags, long offset, long length, NbdError e) {}

  @TestFactory
  Stream<DynamicTest> eachRequestGetsItsError() {
    RequestRules rules = new RequestRules(SIZE, false, true, true);
    return Stream.of(
            new Case("read all", Wire.READ, 0, 0, 4096, OK),
            new Case("read the last byte", Wire.READ, 0, SIZE - 1, 1, OK),
            new Case("read across the end", Wire.READ, 0, SIZE - 1, 2, EINVAL),
            new Case("read past the end", Wire.READ, 0, SIZE, 1, EINVAL),
            new Case("read nothing at the end", Wire.READ, 0, SIZE, 0, OK),
            new Case("read DF", Wire.READ, Wire.FLAG_DF, 0, 1, OK),
            new Case("read FUA", Wire.READ, Wire.FLAG_FUA, 0, 1, OK),
            new Case("read NO_HOLE", Wire.READ, Wire.FLAG_NO_HOLE, 0, 1, EINVAL),
            new Case("read 64 MiB", Wire.READ, 0, 0, 64 << 20, OK),
            new Case("read more than 64 MiB", Wire.READ, 0, 0, (64 << 20) + 1, EINVAL),
            new Case("the same DF", Wire.READ, Wire.FLAG_DF, 0, (64 << 20) + 1, EOVERFLOW),
            new Case("DF across the end", Wire.READ, Wire.FLAG_DF, SIZE - 1, U32, EINVAL),
            new Case("write across the end", Wire.WRITE, 0, SIZE - 1, 2, ENOSPC),
            new Case("write more than 64 MiB", Wire.WRITE, 0, 0, (64 << 20) + 1, EINVAL),
            new Case("write FUA", Wire.WRITE, Wire.FLAG_FUA, 0, 1, OK),
            new Case("write DF", Wire.WRITE, Wire.FLAG_DF, 0, 1, EINVAL),
            new Case("negative offset", Wire.WRITE, 0, -1, 1, EINVAL),
            new Case("offset 2^63 - 1", Wire.WRITE, 0, Long.MAX_VALUE, 1, EINVAL),
            new Case("sum 2^64", Wire.READ, 0, -4096, 4096, EINVAL),
            new Case("zero past 2^63", Wire.WRITE_ZEROES, 0, Long.MAX_VALUE - 1, U32, EINVAL),
            new Case("zero across the end", Wire.WRITE_ZEROES, 0, SIZE - 1, U32, ENOSPC),
            new Case("zero 1 GiB fast", Wire.WRITE_ZEROES, Wire.FLAG_FAST_ZERO, 0, SIZE, OK),
            new Case("zero NO_HOLE", Wire.WRITE_ZEROES, Wire.FLAG_NO_HOLE, 0, 1, OK),
            new Case("zero REQ_ONE", Wire.WRITE_ZEROES, Wire.FLAG_REQ_ONE, 0, 1, EINVAL),
            new Case("trim all", Wire.TRIM, Wire.FLAG_FUA, 0, SIZE, OK),
            new Case("trim across the end", Wire.TRIM, 0, 1, SIZE, EINVAL),
            new Case("trim nothing", Wire.TRIM, 0, 0, 0, OK),
            new Case("flush", Wire.FLUSH, Wire.FLAG_FUA, 0, 0, OK),
            new Case("flush with a range", Wire.FLUSH, 0, 0, 1, EINVAL),
            new Case("cache", Wire.CACHE, 0, 0, SIZE, OK),
            new Case("cache across the end", Wire.CACHE, 0, SIZE, 1, EINVAL),
            new Case("status", Wire.BLOCK_STATUS, Wire.FLAG_REQ_ONE, 0, SIZE, OK),
            new Case("status of nothing", Wire.BLOCK_STATUS, 0, 0, 0, EINVAL),
            new Case("status across the end", Wire.BLOCK_STATUS, 0, 0, U32, EINVAL),
            new Case("unknown command", 8, 0, 0, 0, EINVAL),
            new Case("command ffff", 0xffff, 0, 0, 0, EINVAL),
            new Case("all flags", Wire.READ, ALL_FLAGS, 0, 1, EINVAL))
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.what,
                    () ->
                        assertThat(rules.check(c.command, c.flags, c.offset, c.length))
                            .isEqualTo(c.e)));
  }

  @Test
  void readOnlyExportRefusesEveryChange() {
    RequestRules rules = new RequestRules(SIZE, true, true, true);
    assertThat(rules.check(Wire.WRITE, 0, 0, 1)).isEqualTo(EPERM);
    assertThat(rules.check(Wire.WRITE, 0, SIZE, 1)).isEqualTo(EPERM);
    assertThat(rules.check(Wire.TRIM, 0, 0, 1)).isEqualTo(EPERM);
    assertThat(rules.check(Wire.WRITE_ZEROES, 0, 0, 1)).isEqualTo(EPERM);
    assertThat(rules.check(Wire.READ, 0, 0, 1)).isEqualTo(OK);
    assertThat(rules.check(Wire.FLUSH, 0, 0, 0)).isEqualTo(OK);
  }

  @Test
  void whatWasNotNegotiatedIsInvalid() {
    RequestRules rules = new RequestRules(SIZE, false, false, false);
    assertThat(rules.check(Wire.READ, Wire.FLAG_DF, 0, 1)).isEqualTo(EINVAL);
    assertThat(rules.check(Wire.BLOCK_STATUS, 0, 0, 1)).isEqualTo(EINVAL);
  }

  /** Each command with each flag and no others, at each border, in the words of the protocol. */
  @Test
  void everyCommandFlagAndBorderAgreesWithTheProtocol() {
    for (int settings = 0; settings < 8; settings++) {
      RequestRules rules =
          new RequestRules(SIZE, (settings & 1) != 0, (settings & 2) != 0, (settings & 6) == 6);
      for (int command : new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 0x100, 0xffff}) {
        for (int bit = -1; bit < 16; bit++) {
          int flags = bit < 0 ? 0 : 1 << bit;
          borders(rules, command, flags);
        }
      }
    }
  }

  private static void borders(RequestRules rules, int command, int flags) {
    long[] bases = {0, SIZE, 1L << 32, Long.MIN_VALUE, Wire.MAX_DATA_BYTES};
    long[] lengths = {0, 1, 4095, SIZE, Wire.MAX_DATA_BYTES, Wire.MAX_DATA_BYTES + 1, U32 - 1, U32};
    for (long base : bases) {
      for (int delta = -3; delta <= 3; delta++) {
        for (long length : lengths) {
          long offset = base + delta;
          assertThat(rules.check(command, flags, offset, length))
              .as("%s: command %d flags %x %d+%d", rules, command, flags, offset, length)
              .isEqualTo(protocol(rules, command, flags, offset, length));
        }
      }
    }
  }

  private static NbdError protocol(
      RequestRules rules, int command, int flags, long offset, long length) {
    Set<Integer> allowed =
        switch (command) {
          case Wire.READ -> rules.structured() ? Set.of(0, 1, 4) : Set.of(0, 1);
          case Wire.WRITE, Wire.FLUSH, Wire.TRIM, Wire.CACHE -> Set.of(0, 1);
          case Wire.WRITE_ZEROES -> Set.of(0, 1, 2, 16);
          case Wire.BLOCK_STATUS -> rules.allocation() ? Set.of(0, 1, 8) : Set.of();
          default -> Set.of();
        };
    boolean changes = Set.of(Wire.WRITE, Wire.TRIM, Wire.WRITE_ZEROES).contains(command);
    if (!allowed.contains(flags)) {
      return EINVAL;
    } else if (changes && rules.readOnly()) {
      return EPERM;
    } else if (command == Wire.FLUSH) {
      return offset == 0 && length == 0 ? OK : EINVAL;
    }
    BigInteger end = new BigInteger(Long.toUnsignedString(offset)).add(BigInteger.valueOf(length));
    if (end.bitLength() > 63) {
      return EINVAL;
    } else if (end.compareTo(BigInteger.valueOf(SIZE)) > 0) {
      return command == Wire.WRITE || command == Wire.WRITE_ZEROES ? ENOSPC : EINVAL;
    } else if (command <= Wire.WRITE && length > 64 << 20) {
      return flags == Wire.FLAG_DF ? EOVERFLOW : EINVAL;
    }
    return command == Wire.BLOCK_STATUS && length == 0 ? EINVAL : OK;
  }
}
