package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.chunk.Chunk;
import io.bailey.crypto.Aead;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.FaultyFiles.Transfer;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class MergerTest {
  private static final long BLOCKS = 3000;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void aMergedStack_readsTheSame_andZerosStayOnlyWhereTheyHideSomething(long seed)
      throws Exception {
    Random random = new Random(seed);
    TestRuns runs = new TestRuns(directory, BLOCKS);
    Map<Long, Long> base = runs.layer(random, 0.9);
    TreeMap<Long, Long> upper = new TreeMap<>();
    List<Run> own = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Map<Long, Long> layer = runs.layer(random, 0.3);
      upper.putAll(layer);
      own.addFirst(runs.write(i == 0 ? 1 : 0, layer).run());
    }
    TreeMap<Long, Long> both = new TreeMap<>(base);
    both.putAll(upper);

    Run above =
        Merger.merge(runs.catalog, own, into(own, 1), false, runs.epoch, BLOCKS, () -> false).run();
    Run below = runs.write(2, base).run();
    List<Run> stack = runs.reopened(List.of(above, below));
    Models.compare(
        RunStack.owning(runs.catalog, stack), both, BLOCKS, random, "above a base, seed " + seed);
    long zeros = upper.values().stream().filter(v -> v == 0).count();
    assertThat(stack.getFirst().content().descriptor.zeroBlocks()).isEqualTo(zeros);

    Run bottom =
        Merger.merge(runs.catalog, stack, into(stack, 2), true, runs.epoch, BLOCKS, () -> false)
            .run();
    assertThat(bottom.content().descriptor.zeroBlocks()).as("seed %d", seed).isZero();
    assertThat(bottom.content().descriptor.values())
        .isEqualTo(both.values().stream().filter(v -> v != 0).count());
    Models.compare(
        RunStack.owning(runs.catalog, runs.reopened(List.of(bottom))),
        both,
        BLOCKS,
        random,
        "at the bottom, seed " + seed);
  }

  private static MergePolicy.Merge into(List<Run> runs, int level) {
    return new MergePolicy.Merge(runs.size(), level, false);
  }

  /** At rest a file that is five sixths in use is copied; in other merges it stays. */
  @Test
  void aMergeAtRest_givesSpaceBack_butNotByCopyingWhatAnotherDiskHas() throws Exception {
    TestRuns runs = new TestRuns(directory, 20_000);
    Random random = new Random(7);
    TreeMap<Long, Long> base = new TreeMap<>();
    for (long block = 0; block < 12_000; block++) {
      base.put(block, random.nextLong() | 1);
    }
    Run target = runs.write(1, base).run();
    TreeMap<Long, Long> newer = new TreeMap<>();
    for (long block = 0; block < 12_000; block += 6) {
      newer.put(block, random.nextLong() | 1);
    }
    base.putAll(newer);
    List<Run> both = List.of(runs.write(0, newer).run(), target);
    List<Chunk> full = target.content().chunks.stream().filter(c -> c.size() >= 1 << 20).toList();
    MergePolicy.Merge rest = new MergePolicy.Merge(1, 1, true);

    Run busy =
        Merger.merge(runs.catalog, both, into(both, 1), true, runs.epoch, 20_000, () -> false)
            .run();
    assertThat(busy.info().reclaimableBytes()).isPositive();
    // Only now is it known what of the older one is hidden.
    List<Run> known = List.of(busy);
    Run compact =
        Merger.merge(runs.catalog, known, rest, true, runs.epoch, 20_000, () -> false).run();
    assertThat(compact.info().reclaimableBytes()).isZero();
    assertThat(compact.storedBytes()).isLessThan(busy.storedBytes() / 100 * 95);

    RunStack image = RunStack.owning(runs.catalog, known).fork();
    assertThat(busy.info().reclaimableBytes()).isZero();
    Run shared =
        Merger.merge(runs.catalog, known, rest, true, runs.epoch, 20_000, () -> false).run();
    assertThat(shared.content().chunks).containsAll(full);
    Models.compare(image, base, 20_000, random, "the image");
    List<Run> reopened = runs.reopened(List.of(compact));
    Models.compare(RunStack.owning(runs.catalog, reopened), base, 20_000, random, "compact");
  }

  @Test
  void chunksInUse_stay_andDeadOnesDropOut() throws Exception {
    TestRuns runs = new TestRuns(directory, 20_000);
    Random random = new Random(7);
    TreeMap<Long, Long> base = new TreeMap<>();
    for (long block = 0; block < 12_000; block++) {
      base.put(block, random.nextLong() | 1);
    }
    Run target = runs.write(1, base).run();
    List<Chunk> before = target.content().chunks;
    assertThat(before).as("chunks of the base").hasSizeGreaterThan(2);
    TreeMap<Long, Long> newer = new TreeMap<>();
    for (long block = 0; block < 4000; block++) {
      newer.put(block, random.nextLong() | 1);
    }
    newer.put(11_999L, 12L);
    Run top = runs.write(0, newer).run();

    Run merged =
        Merger.merge(
                runs.catalog,
                List.of(top, target),
                into(List.of(top, target), 1),
                true,
                runs.epoch,
                20_000,
                () -> false)
            .run();
    List<Chunk> after = merged.content().chunks;
    assertThat(after).as("a full one stays").contains(before.get(before.size() - 2));
    assertThat(after).as("the first is dead").doesNotContain(before.getFirst());
    base.putAll(newer);
    RunStack.owning(runs.catalog, List.of(top, target)).release();
    assertThat(directory.resolve(before.getFirst().id().toString())).doesNotExist();
    List<Run> reopened = runs.reopened(List.of(merged));
    Models.compare(
        RunStack.owning(runs.catalog, reopened), base, 20_000, random, "after the merge");
  }

  /** Values that no key opens: a merge that looked into them would fail. */
  @Test
  void values_areCopiedAsTheyAre_inReadsAndWritesOfAMebibyteEachFrontToBack() throws Exception {
    TestRuns runs = new TestRuns(directory, 4000);
    Map<Long, byte[]> sealed = new TreeMap<>();
    List<Run> stack = new ArrayList<>();
    Random random = new Random(5);
    for (int i = 0; i < 2; i++) {
      try (RunWriter writer = new RunWriter(runs.catalog, runs.epoch, 1, 4000, Set.of())) {
        for (long block = i; block < 4000; block += 2) {
          byte[] value = new byte[1000 + random.nextInt(3000) + Aead.TAG_BYTES];
          random.nextBytes(value);
          sealed.put(block, value);
          int size = value.length - Aead.TAG_BYTES;
          long counter = runs.epoch.nextCounter();
          writer.add(new Entry.Sealed(block, runs.epoch, counter, value, 0, size, value, size));
        }
        stack.add(writer.finish().run());
      }
    }
    runs.files.recordTransfers();

    Run merged =
        Merger.merge(runs.catalog, stack, into(stack, 2), true, runs.epoch, 4000, () -> false)
            .run();
    Map<Path, List<Transfer>> byFile =
        runs.files.transfers().stream().collect(Collectors.groupingBy(Transfer::path));
    // Of the trees that are merged, only leaves are read in large pieces.
    stack.forEach(run -> byFile.remove(directory.resolve(run.tree().id().toString())));
    assertThat(byFile).hasSizeGreaterThan(5);
    byFile.forEach(
        (path, transfers) -> {
          long end = transfers.getFirst().offset();
          for (Transfer transfer : transfers) {
            assertThat(transfer.offset()).as("%s", transfers).isEqualTo(end);
            assertThat(transfer.length() >= 1 << 20 || transfer.equals(transfers.getLast()))
                .as("%s", transfers)
                .isTrue();
            end += transfer.length();
          }
        });
    Cursor cursor = new TreeCursor(merged);
    for (Map.Entry<Long, byte[]> value : sealed.entrySet()) {
      assertThat(cursor.next())
          .isInstanceOfSatisfying(
              Entry.Stored.class,
              found -> {
                assertThat(found.start()).isEqualTo(value.getKey());
                assertThat(bytes(found)).isEqualTo(value.getValue());
              });
    }
    assertThat(cursor.next()).isNull();
  }

  /** A value and its tag. */
  private static byte[] bytes(Entry.Stored value) {
    Leaf leaf = value.leaf();
    int size = leaf.size(value.index());
    byte[] bytes = new byte[size + Aead.TAG_BYTES];
    try {
      Chunk chunk = value.run().chunks.get(leaf.chunk(value.index()));
      chunk.read(leaf.offset(value.index()), bytes, 0, size);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    System.arraycopy(leaf.tags(), leaf.tagAt(value.index()), bytes, size, Aead.TAG_BYTES);
    return bytes;
  }

  @Test
  void aMergeThatFails_leavesNoFiles_andTheRunsAsTheyWere() throws Exception {
    TestRuns runs = new TestRuns(directory, 12_000);
    Random random = new Random(3);
    Map<Long, Long> older = runs.layer(random, 0.9);
    Map<Long, Long> newer = runs.layer(random, 0.9);
    List<Run> stack = List.of(runs.write(0, newer).run(), runs.write(1, older).run());
    List<String> before = runs.files.list(directory);
    for (Call call : List.of(Call.CREATE, Call.WRITE, Call.RENAME)) {
      boolean failed = true;
      for (int n = 1; failed; n++) {
        runs.files.failNth(n, Kind.NO_SPACE, p -> true, call);
        failed = false;
        try {
          Run merged =
              Merger.merge(
                      runs.catalog, stack, into(stack, 2), true, runs.epoch, 12_000, () -> false)
                  .run();
          RunStack.owning(runs.catalog, List.of(merged)).release();
        } catch (java.io.IOException e) {
          failed = true;
        }
        assertThat(runs.files.list(directory))
            .as("%s %d", call, n)
            .containsExactlyInAnyOrderElementsOf(before);
      }
    }
    runs.files.heal();
    older.putAll(newer);
    Models.compare(RunStack.owning(runs.catalog, stack), older, 12_000, random, "afterwards");
  }

  @Test
  void aDamagedChunk_isNotCopied() throws Exception {
    TestRuns runs = new TestRuns(directory, 1000);
    List<Run> stack = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      stack.add(runs.write(0, runs.layer(new Random(i), 0.9)).run());
    }
    Chunk chunk = stack.getFirst().content().chunks.getFirst();
    Path path = directory.resolve(chunk.id().toString());
    byte[] bytes = java.nio.file.Files.readAllBytes(path);
    bytes[bytes.length / 2] ^= 1;
    java.nio.file.Files.write(path, bytes);
    assertThatThrownBy(
            () ->
                Merger.merge(
                    runs.catalog, stack, into(stack, 1), true, runs.epoch, 1000, () -> false))
        .hasMessageContaining(path.getFileName().toString())
        .hasMessageContaining("damaged");
    assertThat(runs.files.list(directory)).hasSize(4);
  }
}
