package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class FoundSlotsTest {
  private record Slot(int slot, long sequence, long volume, long block, long count) {}

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 9", "300, 250", "5000, 70000", "5000, 9223372036854775807"})
  void theyComeInTheOrderOfTheirSequences(int slots, long bound) {
    Random random = new Random(7);
    FoundSlots found = new FoundSlots();
    List<Slot> expected = new ArrayList<>();
    for (int i = 0; i < slots; i++) {
      Slot slot = new Slot(i, random.nextLong(bound), random.nextLong(), random.nextLong(), i % 3);
      expected.add(slot);
      found.slot(slot.slot, slot.sequence, slot.volume, slot.block, slot.count);
    }
    expected.sort(Comparator.comparingLong(Slot::sequence));
    assertThat(found.isEmpty()).isEqualTo(slots == 0);
    List<Slot> actual = new ArrayList<>();
    found.visit(
        (slot, s, volume, block, count) -> actual.add(new Slot(slot, s, volume, block, count)));
    assertThat(actual).isEqualTo(expected);
    assertThat(found.isEmpty()).isTrue();
  }
}
