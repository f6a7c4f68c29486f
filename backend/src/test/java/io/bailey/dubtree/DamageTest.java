package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.chunk.Chunk;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever happens to a run's files: right bytes or damage, named; never wrong bytes. */
final class DamageTest {
  private static final long BLOCKS = 5000;

  @TempDir Path directory;

  private TestRuns runs;
  private Map<Long, Long> layer;
  private Run run;

  @BeforeEach
  void write() throws IOException {
    runs = new TestRuns(directory, BLOCKS);
    layer = runs.layer(new Random(11), 0.7);
    run = runs.write(0, layer).run();
  }

  /** Reads every block by itself; returns how many were damage. */
  private int readAll(Path damaged, String what) throws IOException {
    RunStack stack = RunStack.owning(runs.catalog, runs.reopened(List.of(run)));
    int refused = 0;
    for (long block = 0; block < BLOCKS; block++) {
      try {
        Models.comparePiece(stack, layer, block, 1, what);
      } catch (StorageException e) {
        assertThat(e.kind()).as(what).isEqualTo(Kind.DAMAGED);
        assertThat(e.getMessage())
            .as(what)
            .contains(String.valueOf(damaged.getFileName()))
            .contains("offset")
            .doesNotContain("\n");
        refused++;
      }
    }
    return refused;
  }

  @Test
  void aFlippedByteOfAValue_isDamageOfItsBlockAlone() throws Exception {
    for (Chunk chunk : run.content().chunks) {
      Path path = directory.resolve(chunk.id().toString());
      byte[] bytes = Files.readAllBytes(path);
      Random random = new Random(1);
      for (int i = 0; i < 25; i++) {
        int at = 8 + random.nextInt(bytes.length - 8);
        flip(path, bytes, at, random);
        assertThat(readAll(path, "value byte " + at)).as("byte %d", at).isEqualTo(1);
      }
      Files.write(path, bytes);
    }
    assertThat(readAll(directory, "mended")).isZero();
  }

  @Test
  void aFlippedByteOfATree_isDamageOfTheBlocksUnderTheNode() throws Exception {
    Path path = directory.resolve(run.tree().id().toString());
    byte[] bytes = Files.readAllBytes(path);
    Random random = new Random(2);
    NodePointer set = run.content().descriptor.presence().getFirst();
    for (int i = 0; i < 40; i++) {
      int at = 8 + random.nextInt(bytes.length - 8);
      flip(path, bytes, at, random);
      int refused = readAll(path, "tree byte " + at);
      if (at >= set.offset() && at < set.offset() + set.size()) {
        assertThat(refused).as("byte %d, of the set of blocks", at).isZero();
        continue;
      }
      assertThat(refused).as("byte %d", at).isPositive();
      if (at < set.offset() / 2) {
        assertThat(refused).as("byte %d, of a leaf", at).isLessThan((int) BLOCKS);
      }
    }
  }

  private static void flip(Path path, byte[] bytes, int at, Random random) throws IOException {
    byte[] damaged = bytes.clone();
    damaged[at] ^= (byte) (1 + random.nextInt(255));
    Files.write(path, damaged);
  }

  @Test
  void valuesPutInEachOthersPlace_areDamage() throws Exception {
    Chunk chunk = run.content().chunks.getFirst();
    Path path = directory.resolve(chunk.id().toString());
    byte[] bytes = Files.readAllBytes(path);
    Leaf leaf = run.content().seek(0, false).leaf();
    int[] whole = new int[2];
    int found = 0;
    for (int i = 0; i < leaf.count() && found < 2; i++) {
      if (leaf.size(i) == Dubtree.BLOCK_BYTES) {
        whole[found++] = (int) leaf.offset(i);
      }
    }
    assertThat(found).isEqualTo(2);
    byte[] swapped = bytes.clone();
    System.arraycopy(bytes, whole[0], swapped, whole[1], Dubtree.BLOCK_BYTES);
    System.arraycopy(bytes, whole[1], swapped, whole[0], Dubtree.BLOCK_BYTES);
    Files.write(path, swapped);
    assertThat(readAll(path, "swapped")).isEqualTo(2);
  }

  @Test
  void aFileOfAnotherRun_orATruncatedOne_isDamage() throws Exception {
    Run other = runs.write(0, runs.layer(new Random(12), 0.7)).run();
    Path values = directory.resolve(run.content().chunks.getFirst().id().toString());
    Path tree = directory.resolve(run.tree().id().toString());
    byte[] goodValues = Files.readAllBytes(values);
    byte[] goodTree = Files.readAllBytes(tree);

    Files.copy(
        directory.resolve(other.content().chunks.getFirst().id().toString()),
        values,
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertThat(refusedOfOthers("values of another run")).isPositive();
    Files.write(values, Arrays.copyOf(goodValues, goodValues.length / 2));
    assertThat(refusedOfOthers("half the values")).isPositive().isLessThan((int) BLOCKS);
    Files.write(values, goodValues);

    Files.copy(
        directory.resolve(other.tree().id().toString()),
        tree,
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertThat(refusedOfOthers("tree of another run")).isEqualTo((int) BLOCKS);
    Files.write(tree, goodTree);
    assertThat(refusedOfOthers("mended")).isZero();
  }

  private int refusedOfOthers(String what) throws IOException {
    RunStack stack = RunStack.owning(runs.catalog, runs.reopened(List.of(run)));
    int refused = 0;
    for (long block = 0; block < BLOCKS; block++) {
      try {
        Models.comparePiece(stack, layer, block, 1, what);
      } catch (StorageException e) {
        assertThat(e.kind()).as(what).isEqualTo(Kind.DAMAGED);
        refused++;
      }
    }
    return refused;
  }
}
