package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PresenceSetTest {
  /** Sparse, listed and bitmap groups, and ranges, against a plain map of ranges. */
  @ParameterizedTest
  @ValueSource(ints = {2, 20, 300, 5000})
  void itSaysWhatWasAdded_alsoAfterItWasStored(int step) throws Exception {
    Random random = new Random(step);
    PresenceSet.Builder builder = new PresenceSet.Builder();
    TreeMap<Long, Long> model = new TreeMap<>();
    long block = Dubtree.MAX_BLOCKS / 3;
    for (int i = 0; i < 60_000; i++) {
      block += random.nextInt(step) + (i % 7000 == 0 ? 1_000_000 : 0);
      long end = block + 1;
      if (i % 1000 == 999) {
        end = block + 1 + random.nextInt(100_000);
        builder.addZeros(block, end);
      } else {
        builder.addValue(block);
      }
      model.put(block, end);
      block = end;
    }
    PresenceSet set = builder.build();
    Encoder out = new Encoder(1 << 20);
    set.encodeTo(out);
    PresenceSet stored = PresenceSet.decode(new Decoder("set", out.toBytes()));
    for (int i = 0; i < 200_000; i++) {
      long from = model.firstKey() - 10 + random.nextLong(block - model.firstKey() + 20);
      long to = from + 1 + (i % 3 == 0 ? random.nextInt(200_000) : random.nextInt(4));
      var before = model.lowerEntry(to);
      boolean expected = before != null && before.getValue() > from;
      assertThat(set.hasAny(from, to)).as("%d to %d", from, to).isEqualTo(expected);
      assertThat(stored.hasAny(from, to)).as("stored, %d to %d", from, to).isEqualTo(expected);
    }
    for (int i = 0; i < 200; i++) {
      long from = model.firstKey() - 10 + random.nextLong(block - model.firstKey() + 20);
      long to = from + random.nextInt(200_000);
      List<Long> expected = new ArrayList<>();
      model
          .headMap(to)
          .forEach(
              (start, end) -> {
                if (end > from) {
                  LongStream.range(Math.max(start, from), Math.min(end, to)).forEach(expected::add);
                }
              });
      List<Long> found = new ArrayList<>();
      stored.pieces(from, to, (start, end) -> LongStream.range(start, end).forEach(found::add));
      assertThat(found).as("pieces of %d to %d", from, to).isEqualTo(expected);
    }
    assertThat(stored.weightBytes()).isEqualTo(set.weightBytes());
    assertThat(set.weightBytes()).isLessThan(60_000 * 3 + 64 * 8300);
  }

  @Test
  void anEmptySet_hasNothing() {
    assertThat(new PresenceSet.Builder().build().hasAny(0, Dubtree.MAX_BLOCKS)).isFalse();
  }

  @Test
  void blocksOutOfOrder_areDamage() {
    byte[] bytes =
        new Encoder(64)
            .putByte(PresenceSet.TYPE)
            .putVar(1)
            .putVar(0)
            .putVar(2)
            .putByte(0)
            .putByte(5)
            .putByte(0)
            .putByte(5)
            .putVar(0)
            .toBytes();
    assertThatThrownBy(() -> PresenceSet.decode(new Decoder("set", bytes)))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("out of order");
  }

  @Test
  void aSetThatDoesNotFitTheBudget_isDoneWithout() {
    PresenceSet.Builder builder = new PresenceSet.Builder();
    for (int i = 0; i < 1000; i++) {
      builder.addValue(i);
    }
    PresenceSet set = builder.build();
    PresenceBudget budget = new PresenceBudget(set.weightBytes());
    assertThat(budget.admit(set)).isSameAs(set);
    assertThat(budget.admit(set)).isNull();
    budget.release(set);
    budget.release(null);
    assertThat(budget.usedBytes()).isZero();
    assertThat(budget.admit(set)).isSameAs(set);
  }
}
