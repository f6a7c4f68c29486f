package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.Run;
import io.bailey.dubtree.RunCatalog;
import io.bailey.dubtree.RunChecker;
import io.bailey.dubtree.RunStack;
import io.bailey.io.FlippedFiles;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every byte of a store of about 1 MiB is flipped, one at a time: reads give the right bytes or
 * EIO, and the check finds it and names what is hit, no less and no more. It doesn't find what
 * nothing needs, the lock. The store was closed, so no byte is the journal's.
 *
 * <p>What a flip of a value hits is read through the volume of a store that stays open: a value
 * that fails to open is never cached. What one of a tree hits is read through a stack opened for
 * it, in samples. Every flip is checked; with the whole way, a start of the store and every block
 * of every volume read, go as many as {@link #STARTS} says.
 */
@Tag("slow")
final class EveryByteTest {
  private static final long SEED = Long.getLong("bailey.seed", 4711);

  /** {@code -Dbailey.flips=N}: only every N-th byte. */
  private static final int STRIDE = Integer.getInteger("bailey.flips", 1);

  /** Of the flips, every so many-th goes the whole way. */
  private static final int STARTS = Integer.getInteger("bailey.starts", 9973);

  /** Flips of smaller files all go the whole way. */
  private static final int SMALL_BYTES = 64;

  /** No store opens without these as they were. */
  private static final Set<String> NEEDED = Set.of("store", "key", "keys", "anchor");

  private static final int DISK_BYTES = 1 << 20;
  private static final int VOLUMES = 19;
  private static final RunStack.Counters COUNTERS = new RunStack.Counters();

  @TempDir Path directory;

  private final Random random = new Random(SEED);
  private final Map<String, byte[]> model = new HashMap<>();
  private final Map<String, byte[]> volumes = new HashMap<>();
  private final Map<Path, Disk> byFile = new HashMap<>();
  private final List<Disk> disks = new ArrayList<>();
  private final List<RunChecker.Damage> found = new ArrayList<>();
  private FlippedFiles files;
  private final KeyRing keys = new KeyRing();
  private Store store;

  /** An image or volume, and the one run that it has by itself. */
  private record Disk(String name, Path root, Root content, Run run) {}

  @BeforeEach
  void write() throws Exception {
    System.out.println("EveryByteTest seed " + SEED);
    store = Store.open(options());
    byte[] golden = disk(0, 40);
    store.importImage(ImageName.parse("golden:1"), new ArrayDisk(golden), Progress.NONE);
    model.put("golden:1", golden);
    for (int i = 0; i < VOLUMES; i++) {
      byte[] bytes = golden.clone();
      Volume volume =
          store.createVolume(
              "v" + i,
              new VolumeSpec(Optional.of(ImageName.parse("golden:1")), 0, Durability.FLUSH));
      byte[] own = disk(40, 40);
      volume.write(40 * 4096, own, 40 * 4096, 40 * 4096);
      System.arraycopy(own, 40 * 4096, bytes, 40 * 4096, 40 * 4096);
      volumes.put("v" + i, bytes);
    }
    model.putAll(volumes);
    store.close();
    files = new FlippedFiles(store());
    openRuns();
    reopen();
  }

  @AfterEach
  void close() throws IOException {
    store.close();
  }

  private Path store() {
    return directory.resolve("store");
  }

  private Path memory() {
    return directory.resolve("memory");
  }

  private StoreOptions options() {
    return new StoreOptions(store(), memory(), TestStore.BUDGET);
  }

  /** A disk with blocks that compress well, badly and not at all. */
  private byte[] disk(int first, int count) {
    byte[] bytes = new byte[DISK_BYTES];
    for (int block = first; block < first + count; block++) {
      byte[] noise = new byte[1 + random.nextInt(random.nextBoolean() ? 4096 : 600)];
      random.nextBytes(noise);
      System.arraycopy(noise, 0, bytes, block * 4096, noise.length);
    }
    return bytes;
  }

  /** Finds the run of each disk's own, which is its stack's first, and the files of it. */
  private void openRuns() throws IOException {
    KeyWrap wrap = StoreKeys.openPresent(files, store(), OuterKey.Source.NONE).current();
    RunCatalog catalog = catalog();
    for (String kind : List.of("images", "volumes")) {
      for (String name : files.list(store().resolve(kind))) {
        Path path = store().resolve(kind).resolve(name);
        Root root = Root.read(files, path, keys, wrap);
        Run run = RunStack.open(catalog, root.runs()).runs().getFirst();
        Disk disk = new Disk(name, path, root, run);
        disks.add(disk);
        for (var chunk : run.allChunks()) {
          byFile.put(Path.of(chunk.toString()), disk);
        }
      }
    }
    assertThat(disks).hasSize(VOLUMES + 1);
  }

  private RunCatalog catalog() {
    ChunkStore chunks = ChunkStore.asItIs(files, store().resolve("chunks"), 64);
    return new RunCatalog(chunks, keys, new BlockCache(1 << 20, 1 << 20), 1 << 20);
  }

  @Test
  void everyFlippedByte_isFoundAndNeverRead() throws Exception {
    long flips = 0;
    long bytes = 0;
    for (Path path : files.paths()) {
      int size = files.bytes(path).length;
      bytes += size;
      for (int at = 0; at < size; at += STRIDE) {
        // A start may have written the file anew.
        byte[] content = files.bytes(path);
        byte right = content[at];
        content[at] ^= (byte) (1 + random.nextInt(255));
        String what = "byte %d of %s as 0x%02x".formatted(at, path, content[at] & 0xFF);
        flipped(path, at, what);
        boolean whole = flips++ % STARTS == 0 || size <= SMALL_BYTES;
        if (whole) {
          wholeWay(path, what);
        }
        content[at] = right;
        if (whole) {
          reopen();
        }
      }
    }
    System.out.println("EveryByteTest: " + flips + " of " + bytes + " bytes flipped");
    assertThat(bytes).isBetween(900_000L, 1_500_000L);
    assertThat(DiskReads.failures(store, volumes, "healed")).isEmpty();
    assertThat(check(List.of()).whole()).isTrue();
  }

  private void flipped(Path path, int at, String what) throws IOException {
    Disk disk = byFile.get(path);
    if (disk != null) {
      boolean tree = path.endsWith(disk.run().ref().tree().toString());
      found.clear();
      try (RunChecker checker = new RunChecker(false, listener())) {
        checker.check(disk.run());
      }
      assertThat(found).as(what).isNotEmpty().allMatch(d -> d.file().equals(path.toString()));
      if (tree || at < 8) {
        readThroughStack(disk, what);
      } else {
        assertThat(found).as(what).hasSize(1);
        readThroughVolume(disk, what);
      }
    } else if (path.getParent().endsWith("images") || path.getParent().endsWith("volumes")) {
      CheckReport report = check(List.of(String.valueOf(path.getFileName())));
      assertThat(report.damage()).as(what).hasSize(1);
      assertThat(report.damage().getFirst().file()).as(what).isEqualTo(path.toString());
      assertThat(report.checked()).as(what).noneMatch(CheckReport.Checked::whole);
    } else if (path.endsWith("key") || path.endsWith("keys")) {
      assertThat(check(List.of()).checked()).as(what).noneMatch(CheckReport.Checked::whole);
    } else if (path.endsWith("anchor") || path.endsWith("buffers")) {
      assertThat(check(List.of()).damage())
          .as(what)
          .extracting(CheckReport.Damage::file)
          .containsExactly(path.toString());
    } else {
      // The store's mark goes the whole way; a process that starts writes the lock anew.
      assertThat(path.getFileName().toString()).isIn("store", "lock");
    }
  }

  private RunChecker.Listener listener() {
    return new RunChecker.Listener() {
      @Override
      public void read(long bytes) {}

      @Override
      public void damage(RunChecker.Damage damage) {
        found.add(damage);
      }
    };
  }

  /** The one block that is hit fails, through a volume over it. */
  private void readThroughVolume(Disk disk, String what) throws IOException {
    RunChecker.Damage damage = found.getFirst();
    assertThat(damage.toBlock()).as(what).isEqualTo(damage.fromBlock() + 1);
    String name = disk.name().contains(":") ? "v0" : disk.name();
    Volume volume = store.volume(name).orElseThrow();
    assertThat(DiskReads.read(volume, damage.fromBlock(), model.get(name), what)).isFalse();
  }

  /** Samples of what is hit fail, and what lies beside it doesn't. */
  private void readThroughStack(Disk disk, String what) throws IOException {
    RunStack stack = RunStack.open(catalog(), disk.content().runs());
    Set<Long> hit = new LinkedHashSet<>();
    for (RunChecker.Damage damage : found) {
      long to = Math.min(damage.toBlock(), DISK_BYTES / 4096);
      for (long block = damage.fromBlock(); block < to; block++) {
        hit.add(block);
      }
    }
    // None where it is the set of blocks: reads do without.
    for (long block : new long[] {0, 20, 39, 40, 41, random.nextInt(256), 79, 80, 255}) {
      assertThat(readBlock(stack, disk.name(), block, what))
          .as("%s, block %d", what, block)
          .isEqualTo(!hit.contains(block));
    }
  }

  private boolean readBlock(RunStack stack, String name, long block, String what)
      throws IOException {
    byte[] bytes = new byte[4096];
    try {
      assertThat(stack.read(block, 1, MemorySegment.ofArray(bytes), 0, false, COUNTERS)).isTrue();
    } catch (StorageException e) {
      return DiskReads.damaged(e, what);
    }
    return DiskReads.right(block, bytes, model.get(name), what + ": " + name);
  }

  private CheckReport check(List<String> names) throws IOException {
    ChunkStore chunks = ChunkStore.asItIs(files, store().resolve("chunks"), 64);
    return ClosedStore.check(
        files,
        store(),
        memory(),
        OuterKey.Source.NONE,
        chunks,
        new CheckOptions(names, false),
        Progress.NONE,
        () -> false);
  }

  private CheckReport checkClosed() throws IOException {
    CheckOptions all = new CheckOptions(List.of(), false);
    return ClosedStore.check(
        files, store(), id -> memory(), OuterKey.Source.NONE, all, Progress.NONE, () -> false);
  }

  /** A start with the byte as it is: what is read is right, or what the check says is hit. */
  private void wholeWay(Path path, String what) throws IOException {
    store.close();
    if (path.endsWith("store")) {
      refused(this::checkClosed, what);
    }
    if (NEEDED.contains(String.valueOf(path.getFileName()))) {
      refused(() -> Store.open(options(), files), what);
      return;
    }
    Set<String> hits = DiskReads.hits(checkClosed(), volumes);
    store = Store.open(options(), files);
    store.awaitCollection();
    assertThat(DiskReads.failures(store, volumes, what)).as(what).isEqualTo(hits);
    store.close();
  }

  private void refused(ThrowingCallable opening, String what) {
    assertThatThrownBy(opening)
        .as(what)
        .isInstanceOf(StorageException.class)
        .hasMessageContaining(store().toString());
  }

  private void reopen() throws IOException {
    store = Store.open(options(), files);
    store.awaitCollection();
  }

  /** A disk in an array. */
  private record ArrayDisk(byte[] bytes) implements DiskSource {
    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public long nextData(long offset) {
      return offset;
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) {
      System.arraycopy(bytes, (int) offset, dst, dstOffset, length);
    }

    @Override
    public void close() {}
  }
}
