package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Older roots that are put back, and what must not be taken for one. */
final class RollbackTest {
  @TempDir Path directory;

  private static void open(Path parent, boolean accept, Opened check) throws IOException {
    try (Store store = Store.open(options(parent, accept))) {
      check.check(store);
    }
  }

  private static StoreOptions options(Path parent, boolean accept) {
    return new StoreOptions(
        parent.resolve("store"),
        id -> parent.resolve("memory"),
        TestStore.BUDGET,
        OuterKey.Source.NONE,
        accept);
  }

  @FunctionalInterface
  private interface Opened {
    void check(Store store) throws IOException;
  }

  private Path root(String place) {
    return directory.resolve("store").resolve(place);
  }

  private static void write(Volume volume, int block, long seed) throws IOException {
    TestStore.write(volume, block, seed);
    volume.flush();
    volume.checkpoint();
  }

  private static byte[] block(Volume volume, int block) throws IOException {
    byte[] bytes = new byte[4096];
    volume.read(block * 4096L, bytes, 0, 4096);
    return bytes;
  }

  @Test
  void anOlderRootOfAVolume_isRefused_andTheOthersAreServed() throws Exception {
    Path root = root("volumes/v");
    byte[] old;
    byte[] last;
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      write(test.volume("other", Durability.FLUSH), 0, 5);
      write(volume, 0, 1);
      old = Files.readAllBytes(root);
      write(volume, 0, 2);
    }
    last = Files.readAllBytes(root);
    Files.write(root, old);
    for (int start = 0; start < 2; start++) {
      open(
          directory,
          false,
          store -> {
            assertThat(store.volume("v")).isEmpty();
            assertThat(store.leftOut("v"))
                .hasValueSatisfying(
                    why -> assertThat(why).contains(root.toString(), "--accept-rollback"));
            assertThat(block(store.volume("other").orElseThrow(), 0))
                .isEqualTo(TestStore.content(5));
            assertThatThrownBy(
                    () ->
                        store.createVolume(
                            "v", new VolumeSpec(Optional.empty(), 4096, Durability.FLUSH)))
                .hasMessageContaining("exists");
          });
    }
    Files.write(root, last);
    open(
        directory,
        false,
        store ->
            assertThat(block(store.volume("v").orElseThrow(), 0)).isEqualTo(TestStore.content(2)));
  }

  @Test
  void anAcceptedRollback_goesOnFromThere_andNothingLaterComesBack() throws Exception {
    Path root = root("volumes/v");
    byte[] old;
    Path killed;
    byte[] last;
    try (TestStore test = new TestStore(directory)) {
      Volume volume = test.volume("v", Durability.FLUSH);
      write(volume, 0, 1);
      old = Files.readAllBytes(root);
      TestStore.write(volume, 1, 2);
      volume.flush();
      volume.checkpoint();
      // In buffers and in the journal, but in no root.
      TestStore.write(volume, 2, 3);
      volume.flush();
      test.reopen();
      TestStore.write(test.store.volume("v").orElseThrow(), 3, 4);
      test.store.volume("v").orElseThrow().flush();
      last = Files.readAllBytes(root);
      killed = test.copyAs("killed");
    }
    Path rolledBack = killed.resolve("store/volumes/v");
    Files.write(rolledBack, old);
    open(killed, false, store -> assertThat(store.volume("v")).isEmpty());
    open(
        killed,
        true,
        store -> {
          Volume volume = store.volume("v").orElseThrow();
          assertThat(block(volume, 0)).isEqualTo(TestStore.content(1));
          for (int block = 1; block < 4; block++) {
            assertThat(block(volume, block)).as("block %d", block).containsOnly(0);
          }
          write(volume, 4, 9);
        });
    open(
        killed,
        false,
        store ->
            assertThat(block(store.volume("v").orElseThrow(), 4)).isEqualTo(TestStore.content(9)));
    // The life that was given up is old now, and so is the root that was accepted.
    for (byte[] given : List.of(last, old)) {
      Files.write(rolledBack, given);
      open(killed, false, store -> assertThat(store.volume("v")).isEmpty());
    }
  }

  @Test
  void anOlderRootOfAnImage_orOfAnother_isRefused() throws Exception {
    ImageName name = ImageName.parse("golden:1");
    Path root = root("images/golden:1");
    byte[] old;
    try (TestStore test = new TestStore(directory)) {
      test.store.importImage(name, new RandomDisk(1, 10), Progress.NONE);
      old = Files.readAllBytes(root);
      // Keeps the old content's chunks.
      test.fork("keeper", "golden:1");
      test.store.removeImage(name);
      test.store.importImage(name, new RandomDisk(2, 10), Progress.NONE);
      test.store.importImage(ImageName.parse("later:1"), new RandomDisk(3, 10), Progress.NONE);
    }
    byte[] last = Files.readAllBytes(root);
    for (byte[] wrong : List.of(old, Files.readAllBytes(root("images/later:1")))) {
      Files.write(root, wrong);
      open(
          directory,
          false,
          store -> {
            assertThat(store.image(name)).isEmpty();
            assertThat(store.leftOut("golden:1")).isPresent();
            assertThat(store.images()).hasSize(1);
          });
    }
    Files.write(root, last);
    open(directory, false, store -> assertThat(store.images()).hasSize(2));
    Files.write(root, old);
    open(directory, true, store -> assertThat(store.images()).hasSize(2));
    open(directory, false, store -> assertThat(store.images()).hasSize(2));
  }

  @Test
  void rootsOfTwoVolumes_cantChangePlaces_andARemovedOneCantComeBack() throws Exception {
    byte[] removed;
    try (TestStore test = new TestStore(directory)) {
      for (String name : List.of("a", "b", "gone")) {
        write(test.volume(name, Durability.FLUSH), 0, name.charAt(0));
      }
      removed = Files.readAllBytes(root("volumes/gone"));
      test.store.removeVolume("gone");
    }
    Path swap = directory.resolve("swap");
    Files.move(root("volumes/a"), swap);
    Files.move(root("volumes/b"), root("volumes/a"));
    Files.move(swap, root("volumes/b"));
    Files.write(root("volumes/gone"), removed);
    open(
        directory,
        false,
        store -> {
          assertThat(store.volumes()).isEmpty();
          assertThat(store.leftOut("a")).hasValueSatisfying(w -> assertThat(w).contains("b:"));
        });
  }

  /** The anchor is some seconds late, and the power goes at any moment. */
  @Test
  void aRootThatIsNewerThanTheAnchor_isTaken_whateverMadeIt() throws Exception {
    List<String> made = new ArrayList<>();
    try (TestStore test = new TestStore(directory)) {
      test.volume("old", Durability.FLUSH);
      write(test.volume("replaced", Durability.FLUSH), 0, 1);
      test.store.importImage(ImageName.parse("i:1"), new RandomDisk(1, 10), Progress.NONE);
      test.reopen();
      byte[] late = Files.readAllBytes(root("anchor"));
      write(test.store.volume("old").orElseThrow(), 0, 2);
      test.store.removeVolume("replaced");
      write(test.volume("replaced", Durability.FLUSH), 0, 3);
      test.volume("new", Durability.FLUSH);
      test.store.removeImage(ImageName.parse("i:1"));
      test.store.commit("old", ImageName.parse("i:1"));
      test.store.commit("old", ImageName.parse("i:2"));
      assertThat(Files.readAllBytes(root("anchor"))).as("it is late").isEqualTo(late);
      try (TestStore cut = test.powerless("cut", TestStore.BUDGET)) {
        cut.store.volumes().forEach(volume -> made.add(volume.name()));
        cut.store.images().forEach(image -> made.add(image.name().toString()));
      }
    }
    assertThat(made).containsExactlyInAnyOrder("old", "replaced", "new", "i:1", "i:2");
  }

  /** An entry is there before its root: an anchor written in between must not refuse that root. */
  @Test
  void anAnchorWrittenWhileAVolumeIsBeingMade_knowsIt() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      List<Path> copies = new ArrayList<>();
      for (Call before : List.of(Call.CREATE, Call.SYNC_DIRECTORY)) {
        test.files.fault(
            (call, path) -> {
              if (call == before && path.toString().contains("store/volumes")) {
                test.files.heal();
                test.writeAnchor();
                copies.add(path);
              }
            });
        test.volume("v" + copies.size(), Durability.FLUSH);
      }
      assertThat(copies).hasSize(2);
      try (TestStore cut = test.powerless("cut", TestStore.BUDGET)) {
        assertThat(cut.store.volumes()).hasSize(2);
      }
    }
  }

  @Test
  void noWriteWaitsForTheAnchor_andItHoldsNoMoreThanThereAreRoots() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      long empty = Files.size(root("anchor"));
      Volume kept = test.volume("kept", Durability.FLUSH);
      test.files.fault(
          (call, path) ->
              assertThat(path.toString()).as(call + " while writing").doesNotContain("anchor"));
      for (int i = 0; i < 20; i++) {
        String name = "v" + i;
        write(test.volume(name, Durability.FLUSH), 0, i);
        write(kept, i, i);
        test.volume("e" + i, Durability.NONE);
        test.store.removeVolume(name);
      }
      test.files.heal();
      test.reopen();
      assertThat(Files.size(root("anchor"))).isBetween(empty + 1, empty + 40);
    }
  }

  @Test
  void aMissingOrDamagedAnchor_isRefused_untilItIsAccepted() throws Exception {
    try (TestStore test = new TestStore(directory)) {
      write(test.volume("v", Durability.FLUSH), 0, 1);
    }
    byte[] whole = Files.readAllBytes(root("anchor"));
    for (int i = 0; i <= whole.length; i++) {
      byte[] damaged = whole.clone();
      if (i < whole.length) {
        damaged[i] ^= 1;
        Files.write(root("anchor"), damaged);
      } else {
        Files.delete(root("anchor"));
      }
      assertThatThrownBy(() -> Store.open(options(directory, false)).close())
          .as("byte %d", i)
          .isInstanceOf(StorageException.class)
          .hasMessageContaining(root("anchor").toString());
    }
    open(directory, true, store -> assertThat(store.volume("v")).isPresent());
    open(directory, false, store -> assertThat(store.volume("v")).isPresent());
  }

  @Test
  void anOlderAnchor_isNoticedByNobody_butRefusesNothingEither() throws Exception {
    byte[] old;
    try (TestStore test = new TestStore(directory)) {
      write(test.volume("v", Durability.FLUSH), 0, 1);
      test.reopen();
      old = Files.readAllBytes(root("anchor"));
      write(test.store.volume("v").orElseThrow(), 0, 2);
    }
    Files.copy(root("anchor"), directory.resolve("last"), StandardCopyOption.REPLACE_EXISTING);
    Files.write(root("anchor"), old);
    open(directory, false, store -> assertThat(store.volume("v")).isPresent());
  }
}
