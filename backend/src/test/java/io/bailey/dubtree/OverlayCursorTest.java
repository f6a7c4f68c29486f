package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class OverlayCursorTest {
  @Test
  void theNewerHidesTheOlder_asInMaps() throws Exception {
    for (long seed = 1; seed <= 500; seed++) {
      Random random = new Random(seed);
      TreeMap<Long, Long> expected = new TreeMap<>();
      Cursor cursor = new TestRuns.ListCursor(java.util.List.of());
      for (int i = random.nextInt(4); i >= 0; i--) {
        Map<Long, Long> layer = layer(random);
        expected.putAll(layer);
        cursor = Cursor.overlay(TestRuns.cursor(layer), cursor);
      }
      Map<Long, Long> found = collect(cursor, "seed " + seed);
      assertThat(found.keySet()).as("seed %d", seed).isEqualTo(expected.keySet());
      for (long block : expected.keySet()) {
        assertThat(found.get(block))
            .as("seed %d block %d", seed, block)
            .isEqualTo(hash(expected.get(block)));
      }
    }
  }

  private static Map<Long, Long> layer(Random random) {
    TreeMap<Long, Long> layer = new TreeMap<>();
    for (int i = random.nextInt(30); i > 0; i--) {
      long at = random.nextInt(200);
      if (random.nextBoolean()) {
        for (long end = at + random.nextInt(40); at < end; at++) {
          layer.put(at, 0L);
        }
      } else {
        layer.put(at, random.nextLong() | 1);
      }
    }
    return layer;
  }

  private static long hash(long value) {
    byte[] block = new byte[4096];
    TestRuns.value(value, block);
    return value == 0 ? 0 : java.util.Arrays.hashCode(block);
  }

  private static Map<Long, Long> collect(Cursor cursor, String what) throws Exception {
    Map<Long, Long> found = new TreeMap<>();
    byte[] actual = new byte[4096];
    long at = 0;
    for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
      assertThat(entry.start()).as(what).isGreaterThanOrEqualTo(at);
      assertThat(entry.end()).as(what).isGreaterThan(entry.start());
      at = entry.end();
      if (entry instanceof Entry.Unsealed plain) {
        plain.loader().load(plain.slot(), actual);
        found.put(plain.start(), (long) java.util.Arrays.hashCode(actual));
      } else {
        for (long block = entry.start(); block < entry.end(); block++) {
          found.put(block, 0L);
        }
      }
    }
    return found;
  }
}
