package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * A store that an early version left after a power cut opens with every byte, in this version and
 * in all that come. Its journal is version 2, its file {@code buffers} has none yet, all else is
 * version 1. The file is never written again: a new format gets a new one beside it, by {@code
 * -Dbailey.golden.write=FILE}.
 */
final class GoldenStoreTest {
  private static final String STORE = "/golden/store-1.zip";
  private static final int BLOCK = 4096;
  private static final int IMAGE_BLOCKS = 300;
  private static final long SIZE = 16 << 20;

  private final ImageName image;

  @TempDir Path directory;

  GoldenStoreTest() throws IOException {
    image = ImageName.parse("golden:1");
  }

  /** Blocks of the image: some zeros, some that compress, some that don't. */
  private static byte[] imageBlock(int block) {
    return switch (block % 7) {
      case 0 -> new byte[BLOCK];
      case 1 -> TestStore.content(block);
      default -> {
        byte[] bytes = new byte[BLOCK];
        Arrays.fill(bytes, 0, 2000, (byte) block);
        yield bytes;
      }
    };
  }

  /** Blocks of the volume: every third written over, a range trimmed, the rest the image's. */
  private static byte[] volumeBlock(int block) {
    if (block >= 90 && block < 120) {
      return new byte[BLOCK];
    }
    return block % 3 == 0 ? TestStore.content(1000 + block) : imageBlock(block);
  }

  private static StoreOptions options(Path in) {
    return new StoreOptions(in.resolve("store"), in.resolve("memory"), TestStore.BUDGET);
  }

  @Test
  void aStoreOfVersion1_opensWithEveryByte() throws Exception {
    try (InputStream resource = GoldenStoreTest.class.getResourceAsStream(STORE);
        ZipInputStream zip = new ZipInputStream(resource)) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Path path = directory.resolve("store").resolve(entry.getName()).normalize();
        assertThat(path).startsWithRaw(directory);
        Files.createDirectories(path.getParent());
        Files.write(path, zip.readAllBytes());
      }
    }
    new LocalFiles().createDirectories(directory.resolve("store/images"));
    try (Store store = Store.open(options(directory))) {
      assertThat(store.images()).extracting(Image::name).containsExactly(image);
      compare(store.volume("v").orElseThrow(), true);
      VolumeSpec spec = new VolumeSpec(Optional.of(image), 0, Durability.NONE);
      compare(store.createVolume("fork", spec), false);
      store.removeVolume("fork");
    }
  }

  private static void compare(Volume volume, boolean written) throws IOException {
    assertThat(volume.size()).isEqualTo(SIZE);
    byte[] read = new byte[BLOCK];
    for (int block = 0; block < IMAGE_BLOCKS; block++) {
      volume.read((long) block * BLOCK, read, 0, BLOCK);
      assertThat(read)
          .as("block %d", block)
          .isEqualTo(written ? volumeBlock(block) : imageBlock(block));
    }
    byte[] rest = new byte[(int) SIZE - IMAGE_BLOCKS * BLOCK];
    volume.read((long) IMAGE_BLOCKS * BLOCK, rest, 0, rest.length);
    assertThat(rest).containsOnly(0);
  }

  /** Level 1 and 0 of an image and a volume's run of their own, and a journal on top. */
  @Test
  @EnabledIfSystemProperty(named = "bailey.golden.write", matches = ".+")
  void writeTheStore() throws Exception {
    Path made = directory.resolve("made");
    try (Store store = Store.open(options(made))) {
      VolumeSpec empty = new VolumeSpec(Optional.empty(), SIZE, Durability.FLUSH);
      Volume base = store.createVolume("base", empty);
      for (int part = 0; part < 4; part++) {
        for (int block = part; block < IMAGE_BLOCKS; block += 4) {
          base.write((long) block * BLOCK, imageBlock(block), 0, BLOCK);
        }
        base.empty();
        base.merge();
      }
      store.commit("base", image);
      store.removeVolume("base");
      VolumeSpec spec = new VolumeSpec(Optional.of(image), 0, Durability.FLUSH);
      Volume volume = store.createVolume("v", spec);
      for (int block = 0; block < IMAGE_BLOCKS; block += 3) {
        volume.write((long) block * BLOCK, volumeBlock(block), 0, BLOCK);
        if (block == 150) {
          volume.empty();
        }
      }
      volume.trim(90L * BLOCK, 30L * BLOCK);
      volume.flush();
      zip(made.resolve("store"), Path.of(System.getProperty("bailey.golden.write")));
    }
  }

  private static void zip(Path from, Path to) throws IOException {
    List<Path> all;
    try (Stream<Path> walk = Files.walk(from)) {
      all = walk.filter(Files::isRegularFile).sorted().toList();
    }
    try (OutputStream out = Files.newOutputStream(to);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Path path : all) {
        zip.putNextEntry(new ZipEntry(from.relativize(path).toString()));
        Files.copy(path, zip);
        zip.closeEntry();
      }
    }
  }
}
