package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.crypto.Codec;
import io.bailey.dubtree.Cursor;
import io.bailey.dubtree.Entry;
import io.bailey.io.LocalFiles;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The write buffer and its map of slots beside plain maps. */
final class WriteBufferTest {
  @TempDir Path directory;

  @Test
  void theMapOfSlots_isAMap() {
    for (long seed = 1; seed <= 20; seed++) {
      Random random = new Random(seed);
      LongIntMap map = new LongIntMap();
      Map<Long, Integer> expected = new HashMap<>();
      int range = 1 << (1 + random.nextInt(12));
      for (int i = 0; i < 5000; i++) {
        // Far apart keys collide like near ones don't.
        long key = (long) random.nextInt(range) << (random.nextBoolean() ? 0 : 40);
        Integer before;
        int actual;
        switch (random.nextInt(3)) {
          case 0 -> {
            before = expected.remove(key);
            actual = map.remove(key);
          }
          case 1 -> {
            before = expected.get(key);
            actual = map.get(key);
          }
          default -> {
            before = expected.put(key, i);
            actual = map.put(key, i);
          }
        }
        assertThat(actual).as("seed %d step %d", seed, i).isEqualTo(before == null ? -1 : before);
        assertThat(map.size()).as("seed %d step %d", seed, i).isEqualTo(expected.size());
      }
      assertThat(map.sortedKeys())
          .as("seed %d", seed)
          .isEqualTo(expected.keySet().stream().mapToLong(k -> k).sorted().toArray());
      expected.forEach((key, value) -> assertThat(map.get(key)).isEqualTo(value));
    }
  }

  /** Blocks in order, some of them, all over a disk, and such as have hashes that begin alike. */
  @ParameterizedTest
  @ValueSource(strings = {"1", "8", "random", "alike"})
  void aLargeMapOfSlots_isAMap_andTakesItsShareOfMemory(String step) {
    LongIntMap map = new LongIntMap();
    Random random = new Random(1);
    long[] keys = new long[100_000];
    Set<Long> distinct = new HashSet<>();
    for (int i = 0; i < keys.length; i++) {
      do {
        keys[i] =
            switch (step) {
              case "random" -> random.nextLong(1L << 32);
              // The hash is a product; this is the inverse of its factor.
              case "alike" -> random.nextLong(1L << 50) * 0xF1DE83E19937733DL;
              default -> i * Long.parseLong(step);
            };
      } while (!distinct.add(keys[i]));
      assertThat(map.put(keys[i], i)).isEqualTo(LongIntMap.NONE);
      int some = random.nextInt(i + 1);
      assertThat(map.get(keys[some])).isEqualTo(some);
    }
    assertThat(map.memoryBytes() / keys.length).isBetween(20L, 100L);
    Arrays.sort(keys);
    assertThat(map.sortedKeys()).isEqualTo(keys);
    int[] values = map.values();
    Arrays.sort(values);
    assertThat(values).hasSize(keys.length).startsWith(0, 1, 2).endsWith(keys.length - 1);
    for (int i = 0; i < keys.length; i++) {
      if (i % 3 > 0) {
        assertThat(map.remove(keys[i])).isNotEqualTo(LongIntMap.NONE);
      }
    }
    for (int i = 0; i < keys.length; i++) {
      assertThat(map.get(keys[i]) == LongIntMap.NONE).isEqualTo(i % 3 > 0);
    }
    assertThat(map.size()).isEqualTo(map.values().length).isEqualTo((keys.length + 2) / 3);
    map.clear();
    assertThat(map.sortedKeys()).isEmpty();
  }

  @Test
  void aBuffer_holdsTheNewest_andGivesEverySlotBack() throws Exception {
    SlabPool pool =
        new SlabPool(
            new LocalFiles(), directory, UUID.randomUUID(), 8 << 20, (s, q, v, b, n) -> {});
    for (long seed = 1; seed <= 40; seed++) {
      Random random = new Random(seed);
      String what = "seed " + seed;
      int blocks = 1 + random.nextInt(300);
      WriteBuffer buffer = new WriteBuffer(pool);
      int[] expected = new int[blocks];
      Arrays.fill(expected, -1);
      for (int step = random.nextInt(300); step >= 0; step--) {
        int at = random.nextInt(blocks);
        switch (random.nextInt(4)) {
          case 0 -> {
            int count = 1 + random.nextInt(blocks - at);
            int slot = take(pool, 1)[0];
            pool.publish(slot, step + 1, 1, at, count);
            buffer.putZeros(at, count, slot);
            Arrays.fill(expected, at, at + count, 0);
          }
          case 1 -> {
            int slot = take(pool, 1)[0];
            pool.fill(slot, MemorySegment.ofArray(block(step)), 0);
            pool.publish(slot, step + 1, 1, at, 0);
            buffer.put(at, slot);
            expected[at] = 256 | (step & 0xFF);
          }
          default -> {
            int count = 1 + random.nextInt(Math.min(8, blocks - at));
            putPacked(pool, buffer, at, count, step, random);
            Arrays.fill(expected, at, at + count, 256 | (step & 0xFF));
          }
        }
      }
      assertThat(buffer.slotCount()).as(what).isEqualTo(pool.capacity() - pool.available());
      compare(pool, buffer, expected, what);
      comparePieces(buffer, expected, random, what);
      compareCursor(buffer, expected, what);
      buffer.giveAll();
      assertThat(buffer.isEmpty()).as(what).isTrue();
      assertThat(pool.available()).as(what).isEqualTo(pool.capacity());
    }
    pool.close(true);
  }

  private static int[] take(SlabPool pool, int count) throws Exception {
    int[] slots = new int[count];
    assertThat(pool.take(count, slots)).isTrue();
    return slots;
  }

  private static byte[] block(int step) {
    byte[] bytes = new byte[4096];
    bytes[0] = (byte) step;
    bytes[1] = 1;
    return bytes;
  }

  /** Some that share slots, and such as need one for themselves. */
  private static void putPacked(
      SlabPool pool, WriteBuffer buffer, int at, int count, int step, Random random)
      throws Exception {
    byte[] bytes = new byte[count * 4096];
    for (int i = 0; i < count; i++) {
      int noise = random.nextInt(3000);
      for (int j = 0; j < noise; j++) {
        bytes[i * 4096 + j] = (byte) random.nextInt();
      }
      System.arraycopy(block(step), 0, bytes, i * 4096, 2);
    }
    Codec codec = Codec.borrow();
    MemorySegment src = MemorySegment.ofArray(bytes);
    PackedBlocks packed = new PackedBlocks(codec, src, 0, count, new PackTrial());
    buffer.put(at, packed, take(pool, buffer.slotsFor(packed)), 1000L * step, 1);
    codec.giveBack();
  }

  private static void compare(SlabPool pool, WriteBuffer buffer, int[] expected, String what)
      throws Exception {
    byte[] bytes = new byte[SlabPool.SLOT_BYTES];
    for (int block = 0; block < expected.length; block++) {
      int slot = buffer.place(block);
      if (slot == LongIntMap.NONE) {
        assertThat(buffer.isZero(block)).as(what).isEqualTo(expected[block] == 0);
        assertThat(expected[block]).as(what).isLessThanOrEqualTo(0);
      } else {
        SlabPoolTest.readBlock(pool, slot, bytes);
        assertThat(256 * bytes[1] + (bytes[0] & 0xFF)).as(what).isEqualTo(expected[block]);
      }
    }
  }

  private static void comparePieces(
      WriteBuffer buffer, int[] expected, Random random, String what) {
    for (int i = 0; i < 20; i++) {
      int first = random.nextInt(expected.length);
      int end = first + 1 + random.nextInt(expected.length - first);
      int[] actual = new int[expected.length];
      Arrays.fill(actual, -1);
      long at = first;
      for (long[] piece : buffer.pieces(first, end)) {
        assertThat(piece[0]).as(what).isGreaterThanOrEqualTo(at).isLessThan(piece[1]);
        at = piece[1];
        Arrays.fill(actual, (int) piece[0], (int) piece[1], (int) piece[2]);
      }
      assertThat(at).as(what).isLessThanOrEqualTo(end);
      for (int block = first; block < end; block++) {
        assertThat(actual[block]).as(what).isEqualTo(Math.min(1, expected[block]));
      }
    }
  }

  private static void load(Entry.Unsealed plain, byte[] block) {
    byte[] loaded = new byte[4096];
    int size = plain.loader().load(plain.slot(), loaded);
    if (size == 4096) {
      System.arraycopy(loaded, 0, block, 0, 4096);
    } else {
      assertThat(Codec.decompress(loaded, 0, size, block, 0, 4096)).isTrue();
    }
  }

  private static void compareCursor(WriteBuffer buffer, int[] expected, String what)
      throws Exception {
    int[] actual = new int[expected.length];
    Arrays.fill(actual, -1);
    Cursor cursor = buffer.cursor();
    byte[] bytes = new byte[4096];
    long at = 0;
    for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
      assertThat(entry.start()).as(what).isGreaterThanOrEqualTo(at);
      at = entry.end();
      if (entry instanceof Entry.Unsealed plain) {
        load(plain, bytes);
        actual[(int) plain.start()] = 256 * bytes[1] + (bytes[0] & 0xFF);
      } else {
        Arrays.fill(actual, (int) entry.start(), (int) at, 0);
      }
    }
    assertThat(actual).as(what).isEqualTo(expected);
  }
}
