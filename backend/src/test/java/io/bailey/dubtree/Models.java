package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;

/** Compares stacks with maps of what they should hold; see {@link TestRuns#layer}. */
final class Models {
  private Models() {}

  /** Random pieces, and then the whole. */
  static void compare(
      RunStack stack, Map<Long, Long> expected, long blocks, Random random, String what)
      throws IOException {
    for (int i = 0; i < 60; i++) {
      int count = (int) Math.min(blocks, 1 + random.nextInt(1 << random.nextInt(10)));
      comparePiece(stack, expected, random.nextLong(blocks - count + 1), count, what);
    }
    for (long at = 0; at < blocks; at += 500) {
      comparePiece(stack, expected, at, (int) Math.min(500, blocks - at), what);
    }
  }

  static void comparePiece(
      RunStack stack, Map<Long, Long> expected, long block, int count, String what)
      throws IOException {
    byte[] actual = new byte[count * 4096 + 7];
    Arrays.fill(actual, (byte) 0x55);
    assertThat(
            stack.read(
                block, count, MemorySegment.ofArray(actual), 7, false, new RunStack.Counters()))
        .isTrue();
    byte[] value = new byte[4096];
    for (int i = 0; i < count; i++) {
      TestRuns.value(expected.getOrDefault(block + i, 0L), value);
      if (!Arrays.equals(actual, 7 + i * 4096, 7 + (i + 1) * 4096, value, 0, 4096)) {
        throw new AssertionError(what + ": block " + (block + i) + " has wrong bytes");
      }
    }
  }

  static void compareExtents(
      RunStack stack, Map<Long, Long> expected, long blocks, Random random, String what)
      throws IOException {
    for (int i = 0; i < 50; i++) {
      long from = random.nextLong(blocks);
      long count = 1 + random.nextLong(blocks - from);
      long[] at = {from};
      stack.extents(
          from,
          count,
          (start, end, data) -> {
            assertThat(start).as(what).isEqualTo(at[0]);
            assertThat(end).as(what).isGreaterThan(start);
            for (long block = start; block < end; block++) {
              assertThat(expected.getOrDefault(block, 0L) != 0)
                  .as("%s: block %d is data", what, block)
                  .isEqualTo(data);
            }
            at[0] = end;
            return true;
          });
      assertThat(at[0]).as(what).isEqualTo(from + count);
    }
  }
}
