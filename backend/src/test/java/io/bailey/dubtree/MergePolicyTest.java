package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.dubtree.MergePolicy.Merge;
import io.bailey.dubtree.MergePolicy.RunInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class MergePolicyTest {
  /** Runs, newest first, as level:MiB. */
  private static List<RunInfo> runs(String text) {
    List<RunInfo> runs = new ArrayList<>();
    for (String run : text.isEmpty() ? new String[0] : text.split(" ", -1)) {
      String[] parts = run.split(":", -1);
      runs.add(new RunInfo(Integer.parseInt(parts[0]), Long.parseLong(parts[1]) << 20));
    }
    return runs;
  }

  @ParameterizedTest
  @CsvSource({
    "'', ''",
    "0:1 0:1 0:1, ''",
    "0:1 0:1 0:1 2:9, ''",
    "0:1 0:1 0:1 0:1, 4 1",
    "0:1 0:1 0:1 0:1 0:1, 5 1",
    "0:1 0:1 0:1 0:1 1:12, 5 1",
    "0:1 0:1 0:1 0:1 1:13, 5 2",
    "0:1 0:1 0:1 0:1 1:13 2:239, 6 2",
    "0:1 0:1 0:1 0:1 1:13 2:240, 6 3",
    "0:1 0:1 0:1 0:1 2:5, 4 1",
    "0:5 0:5 0:5 0:5 2:5, 5 2",
    "0:1 0:1 0:1 0:1 3:5 4:9, 4 1",
  })
  void theSmallestLevelWithRoom_isChosen(String runs, String expected) {
    Optional<Merge> merge = MergePolicy.choose(runs(runs));
    assertThat(merge.map(m -> m.runs() + " " + m.level()).orElse("")).isEqualTo(expected);
  }

  @Test
  void levels_haveRoom_asTheyGrow() {
    assertThat(Dubtree.capacityBytes(0)).isZero();
    for (int level = 1; level + 1 < Dubtree.MAX_LEVELS; level++) {
      assertThat(Dubtree.capacityBytes(level + 1))
          .as("level %d", level + 1)
          .isGreaterThan(Dubtree.capacityBytes(level));
      assertThat(MergePolicy.levelFor(Dubtree.capacityBytes(level))).isEqualTo(level);
      assertThat(MergePolicy.levelFor(Dubtree.capacityBytes(level) + 1)).isEqualTo(level + 1);
    }
  }

  /** Whatever is written: levels stay in order, each at most once, and few runs are left. */
  @Test
  void randomBatches_keepTheStackShort() {
    for (long seed = 1; seed <= 50; seed++) {
      Random random = new Random(seed);
      List<RunInfo> runs = new ArrayList<>();
      for (int i = 0; i < 2000; i++) {
        runs.addFirst(new RunInfo(0, random.nextLong(1L << (10 + random.nextInt(20)))));
        Optional<Merge> due = MergePolicy.choose(runs);
        if (due.isPresent()) {
          List<RunInfo> merged = runs.subList(0, due.get().runs());
          long bytes = merged.stream().mapToLong(RunInfo::liveBytes).sum();
          merged.clear();
          runs.addFirst(new RunInfo(due.get().level(), bytes));
        }
        assertThat(runs.size()).as("seed %d", seed).isLessThan(Dubtree.MAX_LEVELS + 4);
        for (int j = 1; j < runs.size(); j++) {
          int above = runs.get(j - 1).level();
          int here = runs.get(j).level();
          assertThat(here).as("seed %d", seed).isGreaterThanOrEqualTo(above);
          assertThat(here == above && here > 0).as("seed %d: two of a level", seed).isFalse();
        }
      }
    }
  }
}
