package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a volume says of where its bytes are, over more blocks than are looked at in one go. */
final class ExtentsTest {
  private static final int BLOCK = 4096;

  @TempDir Path directory;

  private static List<String> extents(Volume volume, Runnable meanwhile) throws IOException {
    List<String> extents = new ArrayList<>();
    volume.extents(
        0,
        volume.size(),
        (length, kind) -> {
          extents.add(length / BLOCK + " " + kind);
          meanwhile.run();
          return true;
        });
    return extents;
  }

  @Test
  void neighboursAreOneExtent_whereverTheyAreCut() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      for (int block : new int[] {0, 4095, 4096, 4097, 9000}) {
        TestStore.write(volume, block, 1);
      }
      List<String> expected = List.of("1 DATA", "4094 HOLE", "3 DATA", "4902 HOLE", "1 DATA");
      assertThat(extents(volume, () -> {})).startsWith(expected.toArray(new String[0]));
      volume.checkpoint();
      assertThat(extents(volume, () -> {})).startsWith(expected.toArray(new String[0]));
    }
  }

  @Test
  void writesNeedNotWait_untilAWholeRangeIsLookedAt() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      TestStore.write(volume, 0, 1);
      List<String> seen =
          extents(
              volume,
              () -> {
                try {
                  TestStore.write(volume, 10_000, 1);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      assertThat(seen).startsWith("1 DATA", "9999 HOLE", "1 DATA");
    }
  }
}
