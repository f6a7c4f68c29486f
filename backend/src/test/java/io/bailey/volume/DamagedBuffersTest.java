package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What says that a killed process left write buffers is damaged: nothing is dropped in silence. */
final class DamagedBuffersTest {
  @TempDir Path directory;

  private Path killed;

  @BeforeEach
  void kill() throws IOException {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      TestStore.write(volume, 0, 100);
      killed = test.copyAs("killed");
    }
  }

  /** The same with blocks of an ephemeral volume that share slots, stamped from 1 on. */
  private void killWithCompressed(int blocks) throws IOException {
    try (TestStore test = new TestStore(directory.resolve("other"))) {
      Volume volume = test.volume("v", Durability.NONE);
      for (int block = 0; block < blocks; block++) {
        volume.write(block * 4096L, StampWriter.stamp(block + 1), 0, 4096);
      }
      killed = test.copyAs("killed");
    }
  }

  private Store open() throws IOException {
    return Store.open(
        new StoreOptions(killed.resolve("store"), killed.resolve("memory"), TestStore.BUDGET));
  }

  private void compare() throws IOException {
    try (Store store = open()) {
      TestStore.compare(store.volume("v").orElseThrow(), 100, 1, "after the kill");
    }
  }

  private static void flip(Path file, int at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[at] ^= 1;
    Files.write(file, bytes);
  }

  @Test
  void aDamagedRecordOfThem_isSaid_andOnlyWhereThereAreAny() throws Exception {
    Path record = killed.resolve("store/buffers");
    for (int at = 0; at < Files.size(record); at++) {
      flip(record, at);
      assertThatThrownBy(this::open)
          .as("byte %d", at)
          .hasMessageContaining(record + " is damaged")
          .hasMessageContaining("delete it");
      flip(record, at);
    }
    byte[] right = Files.readAllBytes(record);
    for (int length : new int[] {0, 16, 27}) {
      Files.write(record, Arrays.copyOf(right, length));
      assertThatThrownBy(this::open).as("%d bytes", length).hasMessageContaining("is damaged");
    }
    Files.delete(killed.resolve("memory/slab-0"));
    open().close();
  }

  @Test
  void aRecordOfAnEarlyVersion_isTaken() throws Exception {
    Path record = killed.resolve("store/buffers");
    Files.write(record, Arrays.copyOfRange(Files.readAllBytes(record), 8, 24));
    compare();
  }

  @Test
  void aDamagedIdOfTheStore_isSaid_andWhatIsSaidHelps() throws Exception {
    Path marker = killed.resolve("store/store");
    byte[] right = Files.readAllBytes(marker);
    Optional<UUID> id = Store.id(killed.resolve("store"));
    assertThat(id).isPresent();
    for (int at = 8; at < right.length; at++) {
      flip(marker, at);
      assertThatThrownBy(this::open)
          .as("byte %d", at)
          .hasMessageContaining(marker + " is damaged")
          .hasMessageContaining("printf 'BAILEYS\\2' > '" + marker + "'");
      flip(marker, at);
    }
    for (int length : new int[] {0, 7, 9, 24, 27, 29}) {
      Files.write(marker, Arrays.copyOf(right, length));
      assertThatThrownBy(this::open).as("%d bytes", length).hasMessageContaining(marker.toString());
    }
    Files.write(marker, new byte[] {'B', 'A', 'I', 'L', 'E', 'Y', 'S', 2});
    TestStore.checkWhole(new LocalFiles(), killed.resolve("store"), killed.resolve("memory"));
    assertThat(marker).as("a check writes no id").hasSize(8);
    compare();
    assertThat(Store.id(killed.resolve("store"))).isPresent().isNotEqualTo(id);
  }

  @Test
  void aMarkerOfAnEarlyVersion_isTaken_andHasNoIdToRelyOn() throws Exception {
    Path marker = killed.resolve("store/store");
    byte[] early = Arrays.copyOf(Files.readAllBytes(marker), 24);
    early[7] = 1;
    Files.write(marker, early);
    compare();
    assertThat(Store.id(killed.resolve("store"))).isEmpty();
    assertThat(marker).hasBinaryContent(early);
    for (int length : new int[] {8, 23, 25, 28}) {
      Files.write(marker, Arrays.copyOf(early, length));
      assertThatThrownBy(this::open).as("%d bytes", length).hasMessageContaining(marker.toString());
    }
  }

  @Test
  void aMarkerOfThisVersion_isReadByLaterOnes() throws Exception {
    byte[] written =
        HexFormat.of()
            .parseHex("4241494c45595302" + "00112233445566778899aabbccddeeff" + "fe1e4415");
    Files.write(killed.resolve("store/store"), written);
    assertThat(Store.id(killed.resolve("store")))
        .contains(UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"));
    compare();
  }

  @Test
  void aCompressedBlockThatIsDamaged_failsAlone_andWhereItIsIsSaid() throws Exception {
    killWithCompressed(3);
    Path slab = killed.resolve("memory/slab-0");
    byte[] bytes = Files.readAllBytes(slab);
    // The second block of a slot, whose size is 16 bytes behind its beginning.
    int second = 36864 + 64 + 576;
    assertThat(bytes[second + 16]).isPositive();
    bytes[second + 16] = 0;
    Files.write(slab, bytes);
    try (Store store = open()) {
      Volume volume = store.volume("v").orElseThrow();
      byte[] actual = new byte[4096];
      for (int block : new int[] {0, 2}) {
        volume.read(block * 4096L, actual, 0, 4096);
        assertThat(actual).isEqualTo(StampWriter.stamp(block + 1));
      }
      assertThatThrownBy(() -> volume.read(4096, actual, 0, 4096))
          .hasMessageContaining(slab + ", offset " + second);
      assertThat(volume.stats().damaged()).isEqualTo(1);
    }
  }

  /** The last block of a slab's last slot: behind it is nothing that could be read. */
  @Test
  void aCompressedBlockThatSaysItIsLarge_isReadNoFurtherThanItsSlot() throws Exception {
    int last = 7 * SlabPool.SLAB_SLOTS - 1;
    killWithCompressed(last + 1);
    Path slab = killed.resolve("memory/slab-0");
    byte[] bytes = Files.readAllBytes(slab);
    int at = bytes.length - 576;
    bytes[at + 17] = 127;
    Files.write(slab, bytes);
    try (Store store = open()) {
      Volume volume = store.volume("v").orElseThrow();
      byte[] actual = new byte[4096];
      assertThatThrownBy(() -> volume.read(last * 4096L, actual, 0, 4096))
          .hasMessageContaining(slab + ", offset " + at);
      volume.checkpoint();
      volume.read((last - 1) * 4096L, actual, 0, 4096);
      assertThat(actual).isEqualTo(StampWriter.stamp(last));
      volume.trim(last * 4096L, 4096);
    }
  }

  @Test
  void aSlabWithADamagedHeader_isSaid() throws Exception {
    Path slab = killed.resolve("memory/slab-0");
    for (int at = 0; at < 32; at++) {
      flip(slab, at);
      assertThatThrownBy(this::open)
          .as("byte %d", at)
          .hasMessageContaining(slab + " have a damaged header")
          .hasMessageContaining("delete the file");
      flip(slab, at);
    }
    compare();
  }
}
