package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.crypto.Codec;
import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
final class SlabPoolTest {
  private static final long SLAB = SlabPool.SLAB_SLOTS * (long) SlabPool.SLOT_BYTES;

  private final LocalFiles files = new LocalFiles();
  private final UUID set = UUID.randomUUID();

  @TempDir Path directory;

  private record Held(long sequence, long volume, long block, long blocks) {}

  private final Map<Integer, Held> found = new HashMap<>();

  private SlabPool open(UUID which, long maxBytes) throws IOException {
    found.clear();
    return new SlabPool(
        files,
        directory,
        which,
        maxBytes,
        (slot, sequence, volume, block, blocks) ->
            found.put(slot, new Held(sequence, volume, block, blocks)));
  }

  private static byte[] content(long seed) {
    byte[] bytes = new byte[SlabPool.SLOT_BYTES];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static void readBlock(SlabPool pool, int place, byte[] dst) {
    try {
      if (SlabPool.isPacked(place)) {
        pool.unpack(pool.packed(place), place, MemorySegment.ofArray(dst), 0);
      } else {
        pool.copy(place, MemorySegment.ofArray(dst), 0);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] read(SlabPool pool, int slot) {
    byte[] bytes = new byte[SlabPool.SLOT_BYTES];
    readBlock(pool, slot, bytes);
    return bytes;
  }

  /** More than ten slabs: their names don't sort like their numbers. */
  @Test
  void whatWasPublished_isFoundByTheNextProcess_andOnlyThat() throws Exception {
    Random random = new Random(3);
    SlabPool pool = open(set, 13 * SLAB);
    Map<Long, Held> expected = new HashMap<>();
    int[] slots = new int[12 * SlabPool.SLAB_SLOTS + 100];
    assertThat(pool.take(slots.length, slots)).isTrue();
    Set<Integer> distinct = new HashSet<>();
    for (int i = 0; i < slots.length; i++) {
      assertThat(distinct.add(slots[i])).isTrue();
      if (random.nextInt(20) == 0) {
        Held held = new Held(i + 1, random.nextLong(), random.nextLong(1 << 20), i % 3);
        pool.fill(slots[i], MemorySegment.ofArray(content(i + 1)), 0);
        pool.publish(slots[i], held.sequence, held.volume, held.block, held.blocks);
        if (random.nextInt(5) == 0) {
          pool.give(slots[i]);
        } else {
          expected.put(held.sequence, held);
        }
      }
    }
    pool.close(false);

    SlabPool next = open(set, 13 * SLAB);
    Map<Long, Held> actual = new HashMap<>();
    found.values().forEach(held -> actual.put(held.sequence, held));
    assertThat(actual.keySet()).hasSameSizeAs(expected.keySet());
    assertThat(actual.equals(expected)).isTrue();
    found.forEach(
        (slot, held) ->
            assertThat(Arrays.equals(read(next, slot), content(held.sequence)))
                .as("bytes of sequence %d", held.sequence)
                .isTrue());
    assertThat(next.available()).isEqualTo(13 * SlabPool.SLAB_SLOTS - expected.size());
    next.close(true);
    assertThat(files.list(directory)).isEmpty();
  }

  /** Of some sizes: with so many bytes that don't compress. */
  private static byte[] compressible(int i) {
    byte[] bytes = Arrays.copyOf(Arrays.copyOf(content(i), 350 * (i % 3)), SlabPool.SLOT_BYTES);
    bytes[SlabPool.SLOT_BYTES - 1] = (byte) (i + 1);
    return bytes;
  }

  /** Puts so many blocks into one slot, where other bytes lay before; returns the slot's place. */
  private static int putPacked(SlabPool pool, int count) throws IOException {
    int[] slot = new int[1];
    pool.take(1, slot);
    pool.fill(slot[0], MemorySegment.ofArray(content(1)), 0);
    pool.give(slot[0]);
    byte[] bytes = new byte[count * SlabPool.SLOT_BYTES];
    for (int i = 0; i < count; i++) {
      System.arraycopy(compressible(i), 0, bytes, i * SlabPool.SLOT_BYTES, SlabPool.SLOT_BYTES);
    }
    Codec codec = Codec.borrow();
    MemorySegment src = MemorySegment.ofArray(bytes);
    PackedBlocks packed = new PackedBlocks(codec, src, 0, count, new PackTrial());
    WriteBuffer buffer = new WriteBuffer(pool);
    assertThat(buffer.slotsFor(packed)).isEqualTo(1);
    pool.take(1, slot);
    buffer.put(30, packed, slot, 100, 5);
    codec.giveBack();
    return slot[0];
  }

  private void assertFound(SlabPool next, int count) {
    assertThat(found).hasSize(count);
    found.forEach(
        (place, held) -> {
          int i = (int) held.sequence - 101;
          assertThat(held).isEqualTo(new Held(101 + i, 5, 30 + i, 0));
          assertThat(read(next, place)).isEqualTo(compressible(i));
        });
    assertThat(next.available()).isEqualTo(next.capacity() - Math.min(1, count));
    int left = count;
    for (int place : found.keySet()) {
      assertThat(next.give(place)).as("free with the last one").isEqualTo(--left == 0);
    }
    assertThat(next.available()).isEqualTo(next.capacity());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void blocksThatShareASlot_areFoundByTheNextProcess(int count) throws Exception {
    SlabPool pool = open(set, 2 * SLAB);
    putPacked(pool, count);
    pool.close(false);
    SlabPool next = open(set, 2 * SLAB);
    assertFound(next, count);
    next.close(true);
  }

  /** A process can die between any two instructions; the sequence of a block is its last. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void ofBlocksThatShareASlot_thoseBeforeTheFirstUnfinishedAreFound(int finished) throws Exception {
    SlabPool pool = open(set, 2 * SLAB);
    int place = putPacked(pool, 5);
    pool.close(false);
    // The first two take the least that a block does.
    long[] blocks = {64, 64 + 576, 64 + 2 * 576};
    try (FileChannel file =
        FileChannel.open(directory.resolve("slab-0"), StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(8), 36864 + place / 64 * 4096L + blocks[finished]);
    }
    SlabPool next = open(set, 2 * SLAB);
    assertFound(next, finished);
    next.close(true);
  }

  @Test
  void aSlotThatWasToShareBlocks_isFreeForTheNextProcess_ifNoneCame() throws Exception {
    SlabPool pool = open(set, 2 * SLAB);
    int[] slot = new int[1];
    pool.take(1, slot);
    pool.fill(slot[0], MemorySegment.ofArray(content(1)), 0);
    pool.beginPacked(slot[0], 1, 5);
    pool.close(false);
    SlabPool next = open(set, 2 * SLAB);
    assertFound(next, 0);
    next.close(true);
  }

  /** An older build takes the first version, and would lose what it doesn't know in the second. */
  @Test
  void aSlabIsOfTheSecondVersion_onceBlocksHaveSharedASlotInIt() throws Exception {
    SlabPool pool = open(set, 2 * SLAB);
    int[] slot = new int[1];
    pool.take(1, slot);
    pool.publish(slot[0], 1, 2, 3, 0);
    assertThat(version()).isEqualTo(1);
    pool.close(false);
    SlabPool next = open(set, 2 * SLAB);
    assertThat(found.values()).containsExactly(new Held(1, 2, 3, 0));
    assertThat(version()).isEqualTo(1);
    putPacked(next, 1);
    assertThat(version()).isEqualTo(2);
    next.close(true);
  }

  private int version() throws IOException {
    byte[] head = Arrays.copyOf(Files.readAllBytes(directory.resolve("slab-0")), 8);
    return (int) ByteBuffer.wrap(head).order(ByteOrder.nativeOrder()).getLong() & 0xFF;
  }

  @Test
  void slabsOfAnotherSet_orOfAWrongSize_areDropped() throws Exception {
    SlabPool pool = open(set, 2 * SLAB);
    int[] slot = new int[1];
    pool.take(1, slot);
    pool.publish(slot[0], 1, 2, 3, 0);
    pool.close(false);
    Files.write(directory.resolve("slab-1"), new byte[77]);
    SlabPool other = open(UUID.randomUUID(), 2 * SLAB);
    assertThat(found).isEmpty();
    assertThat(files.list(directory)).isEmpty();
    other.close(true);
  }

  @Test
  void anExhaustedPool_refuses_andTakesNone_untilSomethingIsGiven() throws Exception {
    SlabPool pool = open(set, 2 * SLAB);
    int[] all = new int[pool.capacity()];
    assertThat(pool.take(all.length, all)).isTrue();
    int[] more = {-7, -7};
    assertThat(pool.take(1, more)).isFalse();
    pool.give(all[5]);
    assertThat(pool.take(2, more)).isFalse();
    assertThat(pool.available()).isEqualTo(1);
    assertThat(pool.take(1, more)).isTrue();
    assertThat(more).containsExactly(all[5], -7);
    pool.giveUnused(all, 10, 20);
    assertThat(pool.available()).isEqualTo(10);
    pool.close(true);
  }

  @Test
  void aSmallerBudget_thanTheSlabsThatAreThere_isKeptToFromThenOn() throws Exception {
    SlabPool pool = open(set, 5 * SLAB);
    int[] slots = new int[5 * SlabPool.SLAB_SLOTS];
    pool.take(slots.length, slots);
    for (int i = 0; i < slots.length; i++) {
      pool.publish(slots[i], i + 1, 1, i, 0);
    }
    pool.close(false);
    SlabPool small = open(set, 2 * SLAB);
    assertThat(found).hasSize(slots.length);
    assertThat(small.take(1, slots)).as("no further slab").isFalse();
    small.close(true);
  }

  @Test
  void aSlot_holdsWhatWasPublishedWithIt() throws Exception {
    SlabPool pool = open(set, 2 * SLAB);
    int[] slot = new int[1];
    pool.take(1, slot);
    pool.fill(slot[0], MemorySegment.ofArray(content(1)), 0);
    pool.patch(slot[0], 100, MemorySegment.ofArray(content(2)), 7, 50);
    pool.publish(slot[0], 9, 8, 7, 0);
    byte[] expected = content(1);
    System.arraycopy(content(2), 7, expected, 100, 50);
    assertThat(read(pool, slot[0])).isEqualTo(expected);
    pool.give(slot[0]);
    pool.close(true);
  }

  @Test
  void aSlabThatMemoryDoesNotSufficeFor_leavesNothing_andTheOthersAreAll() throws Exception {
    FaultyFiles full = new FaultyFiles();
    Path second = directory.resolve("slab-1");
    full.failAll(Kind.NO_SPACE, second::equals, Call.WRITE);
    SlabPool pool =
        new SlabPool(full, directory, set, 16 * SLAB, (slot, sequence, volume, block, n) -> {});
    try {
      int[] slots = new int[SlabPool.SLAB_SLOTS + 1];
      assertThat(pool.take(slots.length, slots)).isFalse();
      assertThat(second).doesNotExist();
      assertThat(pool.take(slots.length - 1, slots)).isTrue();
    } finally {
      pool.close(true);
    }
  }

  @Test
  void whoWaitsForASlab_waitsForNoFurtherOne() throws Exception {
    Semaphore begun = new Semaphore(0);
    Semaphore mayGoOn = new Semaphore(0);
    FaultyFiles slow = new FaultyFiles();
    slow.fault(
        (call, path) -> {
          if (call == Call.CREATE && !path.endsWith("slab-0")) {
            begun.release();
            mayGoOn.acquireUninterruptibly();
          }
        });
    SlabPool pool =
        new SlabPool(slow, directory, set, 16 * SLAB, (slot, sequence, volume, block, n) -> {});
    int[] slots = new int[SlabPool.SLAB_SLOTS];
    assertThat(pool.take(1, slots)).isTrue();
    // Another thread makes slab-1 and then slab-2, ahead of need.
    begun.acquire();
    CompletableFuture<Boolean> taken = new CompletableFuture<>();
    Thread taker =
        Thread.ofPlatform().start(() -> taken.complete(takes(pool, SlabPool.SLAB_SLOTS, slots)));
    await().until(() -> taker.getState() == Thread.State.WAITING);
    mayGoOn.release();
    try {
      assertThat(taken.get(20, TimeUnit.SECONDS)).as("taken while slab-2 is made").isTrue();
    } finally {
      mayGoOn.release(16);
      taker.join();
      pool.close(true);
    }
  }

  private static boolean takes(SlabPool pool, int count, int[] slots) {
    try {
      return pool.take(count, slots);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
