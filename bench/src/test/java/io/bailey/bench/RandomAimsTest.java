package io.bailey.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** A figure that is missed must be shown as missed. */
final class RandomAimsTest {
  private static final Workload PUBLISHED = new Workload(16L << 30, 100_000, 7);
  private static final RoundRun.Times GOOD = times(90_000, 70_000, 20);

  private static RoundRun.Times times(double writes, double reads, double slowest) {
    return new RoundRun.Times(100_000, 250_000, 100_000 / writes, 100_000 / reads, 0.1, slowest);
  }

  private static RandomRun run(List<RoundRun.Times> rounds, int storedMib) {
    Usage usage = new Usage(1, 1, 1L << 30, OptionalLong.of(1_000));
    return new RandomRun(rounds, (long) storedMib << 20, 900, usage);
  }

  private static List<String> missed(Row... rows) {
    return RandomAims.of(PUBLISHED, List.of(rows)).stream()
        .filter(figure -> !figure.isReached())
        .map(Figure::what)
        .toList();
  }

  @Test
  void runThatReachesEverythingMissesNothing() {
    Row row = new Row(Subject.EPHEMERAL, List.of(run(Collections.nCopies(10, GOOD), 1_000)));
    assertThat(RandomAims.of(PUBLISHED, List.of(row))).hasSize(9);
    assertThat(missed(row)).isEmpty();
  }

  @Test
  void oneSlowRoundAndOneStallAreMissed() {
    List<RoundRun.Times> rounds =
        List.of(GOOD, GOOD, times(79_000, 70_000, 51), times(90_000, 59_000, 1));
    assertThat(missed(new Row(Subject.EPHEMERAL, List.of(run(rounds, 1)))))
        .containsExactly(
            "bailey in-process, ephemeral: writes, slowest round",
            "bailey in-process, ephemeral: reads, slowest round",
            "bailey in-process, ephemeral: slowest write");
  }

  @Test
  void roundIsTheMedianOfItsRuns() {
    List<RoundRun.Times> slow = List.of(times(10_000, 10_000, 1));
    RandomRun good = run(List.of(GOOD), 1);
    assertThat(missed(new Row(Subject.EPHEMERAL, List.of(good, run(slow, 1), good)))).isEmpty();
  }

  @Test
  void lastRoundIsHeldAgainstTheFirst() {
    List<RoundRun.Times> slower =
        new ArrayList<>(Collections.nCopies(9, times(200_000, 200_000, 1)));
    slower.add(GOOD);
    assertThat(missed(new Row(Subject.EPHEMERAL, List.of(run(slower, 1)))))
        .containsExactly(
            "bailey in-process, ephemeral: writes, last to first round",
            "bailey in-process, ephemeral: reads, last to first round");
  }

  @Test
  void spaceAfterThreeRoundsHasAnAimOfItsOwn() {
    assertThat(missed(new Row(Subject.EPHEMERAL, List.of(run(Collections.nCopies(3, GOOD), 391)))))
        .containsExactly("bailey in-process, ephemeral: stored after 3 rounds");
  }

  @Test
  void durableVolumeMayHoldAndReachADurableVolumesPart() {
    assertThat(missed(new Row(Subject.DURABLE, List.of(run(Collections.nCopies(10, GOOD), 1_642)))))
        .isEmpty();
    RoundRun.Times slow = times(55_999, 42_001, 20);
    assertThat(missed(new Row(Subject.DURABLE, List.of(run(Collections.nCopies(10, slow), 1_643)))))
        .containsExactly(
            "bailey in-process, durable: writes, slowest round",
            "bailey in-process, durable: stored after 10 rounds");
  }

  @Test
  void ratesOverNbdAreHeldAgainstTheSameDepth() {
    Row ours = new Row(Subject.NBD32, List.of(run(List.of(GOOD), 1)));
    Row qcow2 = new Row(Subject.QCOW2_32, List.of(run(List.of(times(30_001, 40_000, 1)), 1)));
    Row other = new Row(Subject.QCOW2_1, List.of(run(List.of(times(1, 60_000, 1)), 1)));
    assertThat(missed(ours, qcow2, other))
        .containsExactly("bailey nbd, depth 32: writes beside qemu-nbd qcow2, depth 32");
  }

  @Test
  void otherWorkloadsHaveNoAims() {
    Row row = new Row(Subject.EPHEMERAL, List.of(run(List.of(GOOD), 1)));
    assertThat(RandomAims.of(new Workload(16L << 30, 99_999, 7), List.of(row))).isEmpty();
  }
}
