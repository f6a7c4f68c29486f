package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Another store comes in the place of one that is open, as when a disk is mounted over it. */
final class HeldFilesTest {
  private static final int BLOCKS = 300;
  private static final String MOUNTED = "another file system is mounted over it";

  @TempDir Path directory;

  /** What of a killed process's store is where, but for the lock. */
  private static Map<String, Integer> content(Path store) throws IOException {
    Map<String, Integer> found = new TreeMap<>();
    try (Stream<Path> all = Files.walk(store)) {
      for (Path path : all.filter(path -> !path.endsWith("lock")).toList()) {
        boolean file = Files.isRegularFile(path);
        found.put(path.toString(), file ? Arrays.hashCode(Files.readAllBytes(path)) : 0);
      }
    }
    return found;
  }

  private static Store open(Path store, Path memory) throws IOException {
    return Store.open(new StoreOptions(store, memory, TestStore.BUDGET));
  }

  private static void refused(String why, ThrowingCallable change) {
    assertThatThrownBy(change).hasMessageContaining(why).hasMessageContaining("is left alone");
  }

  private static void write(Volume volume, int base) throws IOException {
    for (int block = 0; block < BLOCKS; block++) {
      TestStore.write(volume, block, base + block);
    }
  }

  @Test
  void theOtherIsLeftAlone_andWhatWasWrittenIsThereOnceItIsBack() throws Exception {
    Path other;
    try (TestStore test = new TestStore(Files.createDirectory(directory.resolve("other")))) {
      write(test.volume("v", Durability.FLUSH), 1000);
      write(test.volume("e", Durability.NONE), 2000);
      other = test.copyAs("killed");
    }
    Path place = directory.resolve("place");
    Path memory = directory.resolve("memory");
    Path away = directory.resolve("away");
    VolumeSpec spec = new VolumeSpec(Optional.empty(), 64 << 20, Durability.FLUSH);
    Store store = open(place, memory);
    Volume volume = store.createVolume("v", spec);
    write(volume, 0);
    Files.move(place, away);
    Files.move(other.resolve("store"), place);
    Map<String, Integer> before = content(place);
    volume.flush();
    TestStore.write(volume, 0, 5000);
    refused(MOUNTED, () -> store.createVolume("w", spec));
    refused(MOUNTED, () -> store.commit("v", ImageName.parse("image:1")));
    refused(MOUNTED, store::writeAnchor);
    refused(MOUNTED, store::close);
    assertThat(content(place)).isEqualTo(before);
    Files.move(place, other.resolve("store"));
    Files.move(away, place);
    try (Store again = open(place, memory)) {
      Volume back = again.volume("v").orElseThrow();
      byte[] first = new byte[4096];
      back.read(0, first, 0, 4096);
      assertThat(first).isEqualTo(TestStore.content(5000));
      TestStore.write(back, 0, 0);
      TestStore.compare(back, 0, BLOCKS, "back in its place");
    }
    try (Store killed = open(other.resolve("store"), other.resolve("memory"))) {
      TestStore.compare(killed.volume("v").orElseThrow(), 1000, BLOCKS, "the other's");
      TestStore.compare(killed.volume("e").orElseThrow(), 2000, BLOCKS, "the other's ephemeral");
    }
  }

  @Test
  void nothingIsMadeRenamedOrDeleted_whileTheLockIsAnothers() throws Exception {
    Path place = Files.createDirectory(directory.resolve("place"));
    Path lock = Files.createFile(place.resolve("lock"));
    Path file = Files.createFile(place.resolve("file"));
    Path beside = directory.resolve("beside");
    HeldFiles files = new HeldFiles(new LocalFiles(), place, lock);
    files.create(beside).close();
    Path held = Files.move(lock, directory.resolve("held"));
    for (String why : List.of("it was moved or unmounted, or " + lock + " deleted", MOUNTED)) {
      if (why.equals(MOUNTED)) {
        Files.createFile(lock);
      }
      refused(why, () -> files.open(file));
      refused(why, () -> files.list(place));
      refused(why, () -> files.syncDirectory(place));
      refused(why, () -> files.create(place.resolve("new")));
      refused(why, () -> files.rename(beside, file));
      refused(why, () -> files.delete(file));
      refused(why, () -> files.createDirectories(place.resolve("directory")));
      assertThat(place).isDirectoryNotContaining(path -> path.endsWith("new"));
      assertThat(file).exists();
      assertThat(beside).exists();
    }
    files.delete(beside);
    Files.move(held, lock, StandardCopyOption.REPLACE_EXISTING);
    files.rename(file, place.resolve("renamed"));
    files.delete(place.resolve("renamed"));
    assertThat(place).isDirectoryNotContaining(path -> !path.equals(lock));
  }
}
