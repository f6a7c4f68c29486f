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
  /** Runs, newest first, as level:MiB, with zBLOCKS and gMiB of zeros and garbage at the end. */
  private static List<RunInfo> runs(String text) {
    List<RunInfo> runs = new ArrayList<>();
    for (String run : text.isEmpty() ? new String[0] : text.split(" ", -1)) {
      String[] parts = run.split("[:zg]", -1);
      long bytes = Long.parseLong(parts[1]) << 20;
      long more = parts.length > 2 ? Long.parseLong(parts[2]) : 0;
      long zeros = run.contains("z") ? more : 0;
      long garbage = run.contains("g") ? more << 20 : 0;
      runs.add(new RunInfo(Integer.parseInt(parts[0]), bytes / 1024, bytes, zeros, garbage));
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
    assertThat(shown(MergePolicy.choose(runs(runs)))).isEqualTo(expected);
  }

  private static String shown(Optional<Merge> merge) {
    return merge.map(m -> m.runs() + " " + m.level() + (m.atRest() ? " rest" : "")).orElse("");
  }

  /** While it is written, a volume's garbage counts once it is a quarter of the rest and 64 MiB. */
  @ParameterizedTest
  @CsvSource({
    "0:1 3:400g164, ''",
    "0:1 3:400g165, 2 3 rest",
    "0:1 0:1 0:1 0:1 3:400g165, 4 1",
    "1:4g65, ''",
    "1:4g66, 1 1 rest",
  })
  void muchGarbage_isReclaimedWhileAVolumeIsWritten(String runs, String expected) {
    assertThat(shown(MergePolicy.choose(runs(runs)))).isEqualTo(expected);
  }

  /** At rest, what may be garbage counts once it is a 32nd of the rest and 4 MiB. */
  @ParameterizedTest
  @CsvSource({
    "'', ''",
    "3:400, ''",
    "0:4 2:50, ''",
    "0:5 2:50, 2 2 rest",
    "0:9 1:8 3:500, 3 3 rest",
    "0:8 1:8 3:500, ''",
    "0:300, ''",
    "0:300 0:1, ''",
    "0:200 2:200, 2 3 rest",
    "2:50g4, ''",
    "2:50g5, 1 2 rest",
    "3:500g15, ''",
    "3:500g16, 1 3 rest",
    "0:0z4096 2:50, ''",
    "0:0z5000 2:50, 2 2 rest",
    "0:0z1000000000000 2:50, 2 2 rest",
    "0:0z1000000000000 2:1, ''",
  })
  void atRest_allRunsBecomeOne_whereThatGivesSpaceBack(String runs, String expected) {
    assertThat(shown(MergePolicy.chooseAtRest(runs(runs)))).isEqualTo(expected);
  }

  /**
   * What doesn't fit into the level above is over a sixteenth of this one. Level 1 has none above
   * it, and takes what it has room for.
   */
  @Test
  void aLevel_takesAtMostFifteenBatches_beforeItMovesDown() {
    int most = 0;
    for (long seed = 1; seed <= 50; seed++) {
      Random random = new Random(seed);
      List<RunInfo> runs = new ArrayList<>();
      int[] batches = new int[Dubtree.MAX_LEVELS];
      for (int i = 0; i < 5000; i++) {
        runs.addFirst(batch(random.nextLong(1L << (10 + random.nextInt(20)))));
        Optional<Merge> due = MergePolicy.choose(runs);
        if (due.isPresent()) {
          List<RunInfo> merged = runs.subList(0, due.get().runs());
          long bytes = merged.stream().mapToLong(RunInfo::liveBytes).sum();
          int into = due.get().level();
          boolean moves = merged.getLast().level() != into;
          long stays = moves ? 0 : merged.getLast().liveBytes();
          assertThat(bytes - stays)
              .as("seed %d, a batch into level %d", seed, into)
              .isGreaterThan(Dubtree.capacityBytes(into - 1));
          merged.forEach(run -> batches[run.level()] = run.level() == into ? batches[into] : 0);
          batches[into] = moves ? 1 : batches[into] + 1;
          if (into > 1) {
            assertThat(batches[into]).as("seed %d, level %d", seed, into).isLessThanOrEqualTo(15);
            most = Math.max(most, batches[into]);
          }
          merged.clear();
          runs.addFirst(new RunInfo(into, 1, bytes, 0, 0));
        }
      }
    }
    assertThat(most).isEqualTo(15);
  }

  private static RunInfo batch(long bytes) {
    return new RunInfo(0, 1, bytes, 0, 0);
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
        runs.addFirst(batch(random.nextLong(1L << (10 + random.nextInt(20)))));
        Optional<Merge> due = MergePolicy.choose(runs);
        if (due.isPresent()) {
          List<RunInfo> merged = runs.subList(0, due.get().runs());
          long bytes = merged.stream().mapToLong(RunInfo::liveBytes).sum();
          merged.clear();
          runs.addFirst(new RunInfo(due.get().level(), 1, bytes, 0, 0));
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
