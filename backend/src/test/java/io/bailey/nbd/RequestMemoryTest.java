package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RequestMemoryTest {
  private static final long REQUEST = 100_000;
  private final RequestMemory memory = new RequestMemory();

  private long takeAllItMay() {
    memory.take(REQUEST);
    long held = REQUEST;
    while (memory.tryTake(held, REQUEST)) {
      held += REQUEST;
    }
    return held;
  }

  @Test
  void oneAloneMayHoldMuch() {
    assertThat(takeAllItMay()).isGreaterThan(5 << 20);
  }

  @Test
  void whenManyTakeAllTheyMaySomethingIsLeftForTheNext() {
    for (int i = 0; i < 30; i++) {
      takeAllItMay();
    }
    assertThat(memory.usedBytes()).isLessThan(RequestMemory.TOTAL_BYTES);
    assertThat(takeAllItMay()).isGreaterThan(REQUEST);
  }

  @Test
  void whatIsGivenBackCanBeTakenAgain() {
    long held = takeAllItMay();
    memory.give(held);
    assertThat(memory.usedBytes()).isZero();
    assertThat(takeAllItMay()).isEqualTo(held);
  }
}
