package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.LocalFiles;
import io.bailey.volume.BlockDevice.ExtentKind;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random operations on a store of up to 50 volumes beside plain arrays. After each, all that one
 * volume has on disk is checked and a piece of one compared; after 100, every byte and extent; and
 * wherever the store was closed, all of it is checked. The system properties {@code
 * bailey.model.seeds}, {@code bailey.model.firstSeed} and {@code bailey.model.steps} make it
 * longer, or replay one seed.
 */
final class VolumeModelTest {
  private static final int DISK_BYTES = (2 << 20) + 512 * 3;
  private static final int MAX_VOLUMES = 50;
  private static final int STEPS = Integer.getInteger("bailey.model.steps", 800);

  @TempDir Path directory;

  private Store store;
  private Random random;
  private final Map<String, byte[]> model = new TreeMap<>();
  private final Map<ImageName, byte[]> images = new TreeMap<>();
  private int names;

  /** The volume that was chosen last. */
  private String latest = "";

  static LongStream seeds() {
    long first = Long.getLong("bailey.model.firstSeed", 1);
    return LongStream.range(first, first + Integer.getInteger("bailey.model.seeds", 4));
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void volumesHoldWhatTheModelHolds_throughForksCommitsReopeningsAndDeletions(long seed)
      throws Exception {
    random = new Random(seed);
    open();
    try {
      for (int volumes = random.nextInt(MAX_VOLUMES); volumes > 0; volumes--) {
        create();
      }
      for (int step = 0; step < STEPS; step++) {
        String when = "seed " + seed + " step " + step;
        step();
        checkShortly(when);
        if (step % 100 == 99) {
          compareAll(when);
        }
      }
      reopen();
      compareAll("seed " + seed + " at the end");
    } finally {
      store.close();
    }
    checkWhole();
    assertThat(directory.resolve("memory/slab-0")).doesNotExist();
  }

  private void open() throws Exception {
    store =
        Store.open(
            new StoreOptions(directory.resolve("store"), directory.resolve("memory"), 64L << 20));
  }

  private void checkWhole() throws Exception {
    TestStore.checkWhole(new LocalFiles(), directory.resolve("store"), directory.resolve("memory"));
  }

  /** What a check reads of the volume that the step was about, and a piece of another. */
  private void checkShortly(String when) throws Exception {
    if (model.isEmpty()) {
      return;
    }
    CheckOptions one =
        new CheckOptions(List.of(model.containsKey(latest) ? latest : anyVolume()), false);
    assertThat(store.check(one, Progress.NONE, () -> false).damage()).as(when).isEmpty();
    compare(anyVolume(), 20, when);
  }

  private void reopen() throws Exception {
    store.close();
    checkWhole();
    open();
    assertThat(store.volumes()).extracting(Volume::name).containsExactlyElementsOf(model.keySet());
  }

  private void step() throws Exception {
    int kind = random.nextInt(100);
    if (model.isEmpty() || (kind < 3 && model.size() < MAX_VOLUMES)) {
      create();
    } else if (kind < 4) {
      String gone = anyVolume();
      store.removeVolume(gone);
      model.remove(gone);
    } else if (kind < 6 && images.size() < 5) {
      String name = anyVolume();
      ImageName image = ImageName.parse("image:" + names++);
      assertThat(store.commit(name, image).size()).isEqualTo(DISK_BYTES);
      images.put(image, model.get(name).clone());
    } else if (kind < 7 && !images.isEmpty()) {
      ImageName image = anyImage();
      store.removeImage(image);
      images.remove(image);
    } else if (kind < 8) {
      reopen();
    } else if (kind < 11) {
      store.volume(anyVolume()).orElseThrow().checkpoint();
    } else if (kind < 12) {
      Volume volume = store.volume(anyVolume()).orElseThrow();
      volume.merge();
      if (random.nextBoolean()) {
        volume.compact();
      }
    } else if (kind < 13) {
      store.volume(anyVolume()).orElseThrow().flush();
    } else if (kind < 20) {
      zeroOrTrim();
    } else if (kind < 70) {
      write();
    } else {
      compare(anyVolume(), 300, "a read");
    }
  }

  private void create() throws Exception {
    String name = "v" + names++;
    latest = name;
    List<Durability> all = List.of(Durability.values());
    Durability durability = all.get(random.nextInt(all.size()));
    if (images.isEmpty() || random.nextBoolean()) {
      store.createVolume(name, new VolumeSpec(Optional.empty(), DISK_BYTES, durability));
      model.put(name, new byte[DISK_BYTES]);
    } else {
      ImageName image = anyImage();
      store.createVolume(name, new VolumeSpec(Optional.of(image), 0, durability));
      model.put(name, images.get(image).clone());
    }
  }

  private String anyVolume() {
    latest = new ArrayList<>(model.keySet()).get(random.nextInt(model.size()));
    return latest;
  }

  private ImageName anyImage() {
    return new ArrayList<>(images.keySet()).get(random.nextInt(images.size()));
  }

  private int[] range(int maxSectors) {
    int sectors = 1 + random.nextInt(maxSectors);
    boolean aligned = random.nextInt(3) > 0;
    int unit = aligned ? 4096 : 512;
    int length = Math.min(sectors * unit, DISK_BYTES);
    int offset = random.nextInt((DISK_BYTES - length) / unit + 1) * unit;
    return new int[] {offset, random.nextInt(20) == 0 ? DISK_BYTES - offset : length};
  }

  private void write() throws Exception {
    String name = anyVolume();
    int[] range = range(40);
    byte[] bytes = new byte[range[1]];
    fill(bytes);
    Volume volume = store.volume(name).orElseThrow();
    if (!volume.tryWrite(range[0], MemorySegment.ofArray(bytes), 0, bytes.length)) {
      volume.write(range[0], bytes, 0, bytes.length);
    }
    System.arraycopy(bytes, 0, model.get(name), range[0], bytes.length);
  }

  /** With bytes that don't compress, that compress more or less, or that are all the same. */
  private void fill(byte[] bytes) {
    switch (random.nextInt(8)) {
      case 0, 1, 2, 3 -> random.nextBytes(bytes);
      case 4, 5 -> {
        for (int at = 0; at < bytes.length; at += 4096) {
          int end = Math.min(bytes.length, at + random.nextInt(3000));
          for (int i = at; i < end; i++) {
            bytes[i] = (byte) random.nextInt();
          }
        }
      }
      case 6 -> Arrays.fill(bytes, (byte) random.nextInt());
      default -> {
        // Zeros.
      }
    }
  }

  private void zeroOrTrim() throws Exception {
    String name = anyVolume();
    int[] range = range(200);
    Volume volume = store.volume(name).orElseThrow();
    byte[] expected = model.get(name);
    if (random.nextBoolean()) {
      volume.zero(range[0], range[1], random.nextBoolean());
      Arrays.fill(expected, range[0], range[0] + range[1], (byte) 0);
    } else {
      volume.trim(range[0], range[1]);
      int from = (range[0] + 4095) & -4096;
      int end = range[0] + range[1];
      int to = end == DISK_BYTES ? end : end & -4096;
      if (to > from) {
        Arrays.fill(expected, from, to, (byte) 0);
      }
    }
  }

  private void compareAll(String when) throws Exception {
    for (String name : model.keySet()) {
      Volume volume = store.volume(name).orElseThrow();
      byte[] actual = new byte[DISK_BYTES];
      volume.read(0, actual, 0, DISK_BYTES);
      assertSame(actual, model.get(name), 0, name + " " + when);
      compareExtents(volume, model.get(name), when);
    }
    assertThat(store.images()).extracting(Image::name).containsExactlyElementsOf(images.keySet());
  }

  private void compare(String name, int maxSectors, String when) throws Exception {
    int[] range = range(maxSectors);
    byte[] actual = new byte[range[1]];
    Volume volume = store.volume(name).orElseThrow();
    if (!volume.tryRead(range[0], MemorySegment.ofArray(actual), 0, actual.length)) {
      volume.read(range[0], actual, 0, actual.length);
    }
    byte[] expected = Arrays.copyOfRange(model.get(name), range[0], range[0] + range[1]);
    assertSame(actual, expected, range[0], name + " " + when);
  }

  private static void assertSame(byte[] actual, byte[] expected, int offset, String what) {
    int at = Arrays.mismatch(actual, expected);
    if (at >= 0) {
      throw new AssertionError(
          what + ": byte " + (offset + at) + " is " + actual[at] + ", not " + expected[at]);
    }
  }

  /** Extents cover the range exactly, and what they call a hole reads as zeros. */
  private void compareExtents(Volume volume, byte[] expected, String when) throws Exception {
    List<Long> lengths = new ArrayList<>();
    List<ExtentKind> kinds = new ArrayList<>();
    int start = random.nextInt(DISK_BYTES / 512) * 512;
    volume.extents(
        start,
        DISK_BYTES - start,
        (length, kind) -> {
          lengths.add(length);
          kinds.add(kind);
          return true;
        });
    int at = start;
    for (int i = 0; i < lengths.size(); i++) {
      if (kinds.get(i) != ExtentKind.DATA) {
        for (int j = at; j < at + lengths.get(i); j++) {
          if (expected[j] != 0) {
            throw new AssertionError(when + ": a hole at " + j + ", where a byte is");
          }
        }
      }
      assertThat(i == 0 || kinds.get(i) != kinds.get(i - 1)).as("neighbours differ").isTrue();
      at += Math.toIntExact(lengths.get(i));
    }
    assertThat(at).as("extents end at the disk's end").isEqualTo(DISK_BYTES);
  }
}
