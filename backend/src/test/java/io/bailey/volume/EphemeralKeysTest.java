package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The key of an ephemeral volume is in memory alone, so deleting the volume erases its data. */
final class EphemeralKeysTest {
  @TempDir Path directory;

  private List<Path> holding(byte[] key) throws IOException {
    try (Stream<Path> all = Files.walk(directory.resolve("store"))) {
      List<Path> found = new java.util.ArrayList<>();
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        if (StoreSecrets.holds(file, key)) {
          found.add(file);
        }
      }
      return found;
    }
  }

  @Test
  void noByteOfTheStore_hasAnEphemeralVolumesKey_plainOrWrapped() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      test.store.importImage(ImageName.parse("golden"), new RandomDisk(0, 50), Progress.NONE);
      Volume volume =
          test.store.createVolume(
              "v",
              new VolumeSpec(
                  java.util.Optional.of(ImageName.parse("golden")), 1 << 20, Durability.NONE));
      for (int round = 0; round < 5; round++) {
        for (int block = 0; block < 100; block++) {
          TestStore.write(volume, block, round);
        }
        volume.flush();
        volume.checkpoint();
      }
      volume.merge();
      StoreSecrets secrets = new StoreSecrets(directory.resolve("store"));
      Path root = directory.resolve("memory/volumes/v");
      List<byte[]> keys = secrets.keysOf(root);
      byte[] plain = keys.get(0);
      byte[] wrapped = keys.get(1);
      assertThat(StoreSecrets.holds(root, wrapped)).as("the search finds it").isTrue();
      assertThat(holding(keys.get(3))).as("the image's key is on disk, wrapped").hasSize(1);
      assertThat(test.chunkFiles()).as("its data is on disk").hasSizeGreaterThan(2);
      assertThat(holding(plain)).isEmpty();
      assertThat(holding(wrapped)).isEmpty();

      Path copy = test.copyAs("running");
      assertThat(copy).exists();
      test.store.removeVolume("v");
      assertThat(root).doesNotExist();
      test.reopen();
      assertThat(holding(plain)).isEmpty();
      assertThat(holding(wrapped)).isEmpty();
    }
  }

  /** Images are kept, so what was committed has its key on disk; what is written later hasn't. */
  @Test
  void aCommit_putsTheKeyOfWhatItHasOnDisk_andTheVolumeGoesOnWithAnother() throws Exception {
    Path root = directory.resolve("memory/volumes/v");
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      TestStore.write(volume, 0, 100);
      StoreSecrets secrets = new StoreSecrets(directory.resolve("store"));
      byte[] before = secrets.keysOf(root).get(1);
      test.store.commit("v", ImageName.parse("kept"));
      assertThat(holding(before)).containsExactly(directory.resolve("store/images/kept:latest"));
      byte[] after = secrets.keysOf(root).get(1);
      assertThat(after).isNotEqualTo(before);

      // Several runs, and merges of those from before and after.
      for (int block = 1; block < 8; block++) {
        TestStore.write(volume, block, 100 + block);
        volume.checkpoint();
        volume.merge();
      }
      TestStore.compare(volume, 100, 8, "after the commit");
      assertThat(holding(after)).isEmpty();
      assertThat(holding(secrets.keysOf(root).get(0))).isEmpty();
      Path copy = test.copyAs("killed");
      // Without the key that only memory has, the runs that were written later don't open.
      Root image = Root.read(test.files, keptRoot(), new KeyRing(), wrap());
      assertThat(image.keyIds()).hasSize(1);
      assertThat(Root.read(test.files, root, new KeyRing(), wrap()).runs())
          .anyMatch(run -> !image.keyIds().contains(run.keyId()));
      try (Store killed =
          Store.open(
              new StoreOptions(copy.resolve("store"), copy.resolve("memory"), TestStore.BUDGET))) {
        TestStore.compare(killed.volume("v").orElseThrow(), 100, 8, "after a kill");
      }
      test.store.removeVolume("v");
      VolumeSpec spec = new VolumeSpec(Optional.of(ImageName.parse("kept")), 0, Durability.NONE);
      TestStore.compare(test.store.createVolume("fork", spec), 100, 1, "the image");
    }
  }

  private Path keptRoot() {
    return directory.resolve("store/images/kept:latest");
  }

  private KeyWrap wrap() throws IOException {
    Path store = directory.resolve("store");
    return StoreKeys.openPresent(new LocalFiles(), store, OuterKey.Source.NONE).current();
  }

  @Test
  void keysThatNoRunNeeds_areForgotten_howeverOftenItIsCommitted() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.NONE);
      for (int i = 0; i < 150; i++) {
        TestStore.write(volume, 0, i);
        ImageName name = ImageName.parse("i" + i);
        test.store.commit("v", name);
        test.store.removeImage(name);
        if (i % 4 == 3) {
          volume.compact();
        }
      }
      Root root =
          Root.read(test.files, directory.resolve("memory/volumes/v"), new KeyRing(), wrap());
      assertThat(root.keyIds()).hasSizeLessThan(80);
      TestStore.compare(volume, 149, 1, "after all");
    }
  }
}
