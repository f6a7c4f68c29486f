package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs on top of each other read like maps on top of each other. */
final class RunStackTest {
  private static final long BLOCKS = 6000;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void aStack_readsLikeMaps_beforeAndAfterReopening(long seed) throws Exception {
    Random random = new Random(seed);
    TestRuns runs = new TestRuns(directory, BLOCKS);
    TreeMap<Long, Long> expected = new TreeMap<>();
    List<Run> stack = new ArrayList<>();
    for (int i = random.nextInt(4); i >= 0; i--) {
      Map<Long, Long> layer = runs.layer(random, i == 0 ? 0.1 : 0.8);
      expected.putAll(layer);
      Run run = runs.write(0, layer).run();
      assertThat(collect(new TreeCursor(run))).as("seed %d", seed).isEqualTo(kinds(layer));
      stack.addFirst(run);
    }
    Models.compare(RunStack.owning(runs.catalog, stack), expected, BLOCKS, random, "seed " + seed);
    List<Run> reopened = runs.reopened(stack);
    RunStack again = RunStack.owning(runs.catalog, reopened);
    Models.compare(again, expected, BLOCKS, random, "reopened, seed " + seed);
    Models.compareExtents(again, expected, BLOCKS, random, "seed " + seed);
  }

  private static Map<Long, Boolean> kinds(Map<Long, Long> layer) {
    Map<Long, Boolean> kinds = new TreeMap<>();
    layer.forEach((block, value) -> kinds.put(block, value != 0));
    return kinds;
  }

  /** Blocks of a cursor, which must come in order: true for values. */
  static Map<Long, Boolean> collect(Cursor cursor) throws Exception {
    Map<Long, Boolean> found = new TreeMap<>();
    long at = 0;
    for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
      assertThat(entry.start()).isGreaterThanOrEqualTo(at);
      for (at = entry.start(); at < entry.end(); at++) {
        found.put(at, !(entry instanceof Entry.Zeros));
      }
    }
    return found;
  }

  @Test
  void aRunOfOver70_000Entries_hasThreeLevels_andFindsEach() throws Exception {
    TestRuns runs = new TestRuns(directory, 1 << 20);
    TreeMap<Long, Long> layer = new TreeMap<>();
    for (long i = 0; i < 72_000; i++) {
      layer.put(3 * i + i % 2, i % 3 == 0 ? i + 1 : 0);
    }
    Run run = runs.write(1, layer).run();
    assertThat(run.content().descriptor.height()).isEqualTo(3);
    assertThat(run.content().descriptor.values()).isEqualTo(24_000);
    List<Run> reopened = runs.reopened(List.of(run));
    RunStack stack = RunStack.owning(runs.catalog, reopened);
    Random random = new Random(5);
    for (int i = 0; i < 300; i++) {
      Models.comparePiece(stack, layer, random.nextLong(200_000), 1 + random.nextInt(60), "tall");
    }
    assertThat(collect(new TreeCursor(reopened.getFirst()))).isEqualTo(kinds(layer));
  }

  @Test
  void aRunWithoutEntries_isAllHoles() throws Exception {
    TestRuns runs = new TestRuns(directory, 10);
    Run empty = runs.reopened(List.of(runs.write(0, new TreeMap<>()).run())).getFirst();
    RunStack stack = RunStack.owning(runs.catalog, List.of(empty));
    Models.compare(stack, new TreeMap<>(), 10, new Random(1), "empty");
    assertThat(new TreeCursor(empty).next()).isNull();
  }

  @Test
  void neighbours_areReadInOneGo_andNotAgainWhenTheyWereMissedTwice() throws Exception {
    TestRuns runs = new TestRuns(directory, 300);
    TreeMap<Long, Long> layer = new TreeMap<>();
    for (long block = 0; block < 200; block++) {
      layer.put(block, block + 1);
    }
    Run run = runs.reopened(List.of(runs.write(0, layer).run())).getFirst();
    RunStack stack = RunStack.owning(runs.catalog, List.of(run));
    Models.comparePiece(stack, layer, 199, 1, "opens the files");
    runs.files.resetCounts();
    Models.comparePiece(stack, layer, 10, 100, "neighbours");
    assertThat(runs.files.count(Call.READ)).isEqualTo(1);
    Models.comparePiece(stack, layer, 10, 100, "missed again");
    assertThat(runs.files.count(Call.READ)).isEqualTo(2);
    Models.comparePiece(stack, layer, 10, 100, "cached");
    assertThat(runs.files.count(Call.READ)).isEqualTo(2);
  }

  @Test
  void aBlockThatSeveralDisksShare_isReadOnce() throws Exception {
    TestRuns runs = new TestRuns(directory, 300);
    TreeMap<Long, Long> layer = new TreeMap<>(Map.of(7L, 1L, 8L, 2L, 200L, 3L));
    Run run = runs.reopened(List.of(runs.write(0, layer).run())).getFirst();
    RunStack first = RunStack.owning(runs.catalog, List.of(run));
    RunStack second = first.fork();
    Models.comparePiece(first, layer, 200, 1, "opens the files");
    runs.files.resetCounts();
    Models.comparePiece(first, layer, 7, 2, "read");
    Models.comparePiece(second, layer, 7, 2, "cached");
    assertThat(runs.files.count(Call.READ)).isEqualTo(1);
  }

  @Test
  void aReadFromMemory_refusesWhatIsOnDisk_andTakesWhatIsCached() throws Exception {
    TestRuns runs = new TestRuns(directory, 600);
    Map<Long, Long> layer = runs.layer(new Random(8), 0.9);
    Run run = runs.reopened(List.of(runs.write(0, layer).run())).getFirst();
    RunStack stack = RunStack.owning(runs.catalog, List.of(run)).fork();
    byte[] dst = new byte[600 * 4096];
    RunStack.Counters counters = new RunStack.Counters();
    runs.files.resetCounts();
    assertThat(stack.read(0, 600, MemorySegment.ofArray(dst), 0, true, counters)).isFalse();
    assertThat(runs.files.count(Call.OPEN) + runs.files.count(Call.READ)).isZero();
    stack.read(0, 600, MemorySegment.ofArray(dst), 0, false, counters);
    byte[] cached = new byte[600 * 4096];
    assertThat(stack.read(0, 600, MemorySegment.ofArray(cached), 0, true, counters)).isTrue();
    assertThat(Arrays.equals(cached, dst)).isTrue();
  }

  /** A read that only the lowest run can answer looks at no node of the others. */
  @Test
  void runsThatDoNotHaveABlock_areNotAsked() throws Exception {
    TestRuns runs = new TestRuns(directory, 3000);
    List<Run> written = new ArrayList<>();
    for (int level = 0; level < 3; level++) {
      TreeMap<Long, Long> layer = new TreeMap<>();
      for (long block = level; block < 3000; block += 3) {
        layer.put(block, block + 1);
      }
      written.add(runs.write(0, layer).run());
    }
    RunStack stack = RunStack.owning(runs.catalog, runs.reopened(written));
    byte[] dst = new byte[4096];
    RunStack.Counters counters = new RunStack.Counters();
    for (Run run : stack.runs()) {
      run.content();
    }
    runs.files.resetCounts();
    stack.read(2 + 3 * 500, 1, MemorySegment.ofArray(dst), 0, false, counters);
    assertThat(runs.files.count(Call.READ))
        .as("top node and leaf of the last run, header and value of its file")
        .isEqualTo(4);
  }

  @Test
  void filesGo_whenTheLastStackThatHasThemIsReleased() throws Exception {
    TestRuns runs = new TestRuns(directory, 500);
    Run base = runs.write(0, runs.layer(new Random(1), 0.5)).run();
    RunStack first = RunStack.owning(runs.catalog, List.of(base));
    RunStack fork = first.fork();
    Run top = runs.write(0, runs.layer(new Random(2), 0.5)).run();
    RunStack second = fork.replacing(List.of(), List.of(top));
    fork.release();
    assertThat(runs.files.list(directory)).hasSize(4);
    first.retain();
    first.release();
    first.release();
    assertThat(runs.files.list(directory)).hasSize(4);
    second.release();
    assertThat(runs.files.list(directory)).isEmpty();
  }

  /** What only one disk has may be copied to get rid of garbage. */
  @Test
  void aRun_isSharedAsLongAsSeveralDisksHaveIt() throws Exception {
    TestRuns runs = new TestRuns(directory, 100);
    Run run = runs.write(0, runs.layer(new Random(1), 0.5)).run();
    RunStack volume = RunStack.owning(runs.catalog, List.of(run));
    RunStack merged = volume.replacing(List.of(), List.of());
    assertThat(run.content().isShared()).as("a disk's second stack").isFalse();
    merged.release();
    RunStack image = volume.fork();
    assertThat(run.content().isShared()).isTrue();
    image.release();
    assertThat(run.content().isShared()).isFalse();
    volume.release();
  }

  @Test
  void aRunThatCouldntBeReadAtFirst_leavesNoFileInTheEnd() throws Exception {
    for (int n = 1, failures = 1; failures > 0; n++) {
      TestRuns runs = new TestRuns(directory.resolve("round" + n), 100);
      RunRef ref = runs.write(0, runs.layer(new Random(n), 0.9)).run().ref();
      runs.reopen();
      RunStack stack = RunStack.open(runs.catalog, List.of(ref));
      runs.files.failNth(n, Kind.IO, path -> true, Call.READ);
      failures = 0;
      try {
        assertThat(stack.storedBytes()).isPositive();
      } catch (StorageException e) {
        failures++;
      }
      runs.files.heal();
      assertThat(stack.storedBytes()).isPositive();
      stack.release();
      assertThat(runs.files.list(runs.directory)).as("the %dth read failed", n).isEmpty();
    }
  }
}
