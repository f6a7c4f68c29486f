package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What opens a store, and how that is changed. */
final class StoreKeysTest {
  @TempDir Path directory;

  private static OuterKey file(int which) {
    byte[] secret = new byte[KeyWrap.KEY_BYTES];
    Arrays.fill(secret, (byte) which);
    return new OuterKey.KeyFile(Path.of("/keys/" + which), KeyWrap.of(secret));
  }

  private static OuterKey phrase(String text) {
    return new OuterKey.Passphrase(text.getBytes(StandardCharsets.UTF_8));
  }

  private static StoreOptions options(Path parent, OuterKey key) {
    return new StoreOptions(
        parent.resolve("store"), id -> parent.resolve("memory"), 32L << 20, recorded -> key, false);
  }

  /** An image, a volume with several runs, and an ephemeral one, as kill -9 leaves them. */
  private Path killedStore(String name, OuterKey key) throws IOException {
    Path made = directory.resolve("made-" + name);
    try (Store store = Store.open(options(made, key))) {
      store.importImage(ImageName.parse("golden"), new RandomDisk(0, 50), Progress.NONE);
      for (Durability durability : List.of(Durability.FLUSH, Durability.NONE)) {
        Volume volume =
            store.createVolume(
                durability == Durability.NONE ? "ephemeral" : "durable",
                new VolumeSpec(Optional.of(ImageName.parse("golden")), 1 << 20, durability));
        for (int i = 0; i < 3; i++) {
          TestStore.write(volume, i, i);
          volume.checkpoint();
        }
      }
      return copy(made, name);
    }
  }

  private Path copy(Path from, String name) throws IOException {
    Path to = directory.resolve(name);
    TestStore.copy(from, to);
    return to;
  }

  private static void rekey(StoreOptions options, OuterKey next) throws IOException {
    Store.rekey(options, made -> next);
  }

  private static void rekey(StoreOptions options, OuterKey next, HostFiles files)
      throws IOException {
    Store.rekey(options, made -> next, files);
  }

  private static void verify(Path parent, OuterKey key, String what) throws IOException {
    try (Store store = Store.open(options(parent, key))) {
      for (String name : List.of("durable", "ephemeral")) {
        assertThat(store.volume(name)).as(what + ", " + name).isPresent();
        TestStore.compare(store.volume(name).orElseThrow(), 0, 50, what + ", " + name);
      }
      assertThat(store.images()).as(what).hasSize(1);
    }
  }

  /** All that a store holds but the number of the process that had it last. */
  private static Map<String, String> contents(Path parent) throws IOException {
    Map<String, String> found = new TreeMap<>();
    try (Stream<Path> files = Files.walk(parent)) {
      for (Path path : files.filter(Files::isRegularFile).toList()) {
        if (!path.endsWith("lock")) {
          found.put(
              parent.relativize(path) + " " + Files.getLastModifiedTime(path),
              Arrays.toString(
                  java.security.MessageDigest.getInstance("SHA-256")
                      .digest(Files.readAllBytes(path))));
        }
      }
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    return found;
  }

  private static void refused(Path parent, OuterKey key, String... words) throws IOException {
    Map<String, String> before = contents(parent);
    assertThatThrownBy(() -> Store.open(options(parent, key)).close())
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID))
        .hasMessageContainingAll(words)
        .hasMessageNotContaining("\n");
    assertThat(contents(parent)).as("nothing changed").isEqualTo(before);
  }

  @Test
  void eachKindOfKey_opensItsStore_andNoOtherDoes() throws Exception {
    List<OuterKey> right = List.of(new OuterKey.InStore(), file(1), phrase("correct horse"));
    List<OuterKey> wrong = List.of(file(2), file(3), phrase("incorrect horse"));
    List<String> needed = List.of("give no other key", "--key-file FILE", "--passphrase-file FILE");
    for (int i = 0; i < right.size(); i++) {
      Path store = killedStore("kind-" + i, right.get(i));
      for (int other = 0; other < right.size(); other++) {
        if (other != i) {
          refused(store, right.get(other), store.toString(), needed.get(i));
        }
      }
      if (i > 0) {
        refused(
            store,
            wrong.get(i),
            store.toString(),
            i == 1 ? "/keys/3 is not the key" : "not the passphrase");
      }
      verify(store, right.get(i), "kind " + i);
      assertThat(Files.exists(store.resolve("store/key"))).isEqualTo(i == 0);
    }
  }

  @Test
  void theStoresOwnKeyFile_isSecret_andIsMissedWhenItIsGone() throws Exception {
    Path store = killedStore("own", new OuterKey.InStore());
    Path key = store.resolve("store/key");
    for (String name : List.of("key", "keys", "anchor")) {
      Path made = directory.resolve("made-own/store").resolve(name);
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made)))
          .isEqualTo("rw-------");
    }
    byte[] right = Files.readAllBytes(key);
    Files.delete(key);
    refused(store, new OuterKey.InStore(), key + " is missing", "backup");
    byte[] other = right.clone();
    other[7] ^= 1;
    Files.write(key, other);
    refused(store, new OuterKey.InStore(), key + " is not the key");
    Files.write(key, right);
    verify(store, new OuterKey.InStore(), "put back");
  }

  @Test
  void aDamagedOrMissingRecord_isSaid_andNoNewOneTakesItsPlace() throws Exception {
    Path store = killedStore("damaged", new OuterKey.InStore());
    Path record = store.resolve("store/keys");
    byte[] whole = Files.readAllBytes(record);
    assertThat(whole.length).isLessThan(KeyRecord.MAX_BYTES);
    for (int i = 0; i < whole.length; i++) {
      byte[] damaged = whole.clone();
      damaged[i] ^= 1;
      Files.write(record, damaged);
      assertThatThrownBy(() -> Store.open(options(store, new OuterKey.InStore())).close())
          .as("byte %d", i)
          .isInstanceOf(StorageException.class)
          .hasMessageContaining(record.toString());
      Files.write(record, Arrays.copyOf(whole, i));
      assertThatThrownBy(() -> Store.open(options(store, new OuterKey.InStore())).close())
          .as("cut at %d", i)
          .isInstanceOf(StorageException.class)
          .hasMessageContaining(record.toString());
    }
    Files.delete(record);
    for (OuterKey key : List.of(file(1), phrase("x"))) {
      assertThatThrownBy(() -> Store.open(options(store, key)).close())
          .isInstanceOf(StorageException.class)
          .hasMessageContaining(record + " is missing");
    }
    Files.write(record, whole);
    verify(store, new OuterKey.InStore(), "put back");
  }

  @Test
  void aStoreOfBeforeThereWereRecords_getsOne() throws Exception {
    Path store = killedStore("old", new OuterKey.InStore());
    LocalFiles files = new LocalFiles();
    Path key = store.resolve("store/key");
    KeyWrap outer = KeyWrap.read(files, key);
    KeyWrap wrap =
        outer
            .unwrapKey(
                KeyRecord.decode("keys", Files.readAllBytes(store.resolve("store/keys")))
                    .wrappedKeys()
                    .getFirst())
            .orElseThrow();
    for (String roots : List.of("store/images", "store/volumes", "memory/volumes")) {
      for (String name : files.list(store.resolve(roots))) {
        KeyRing ring = new KeyRing();
        Root root = Root.read(files, store.resolve(roots).resolve(name), ring, wrap);
        root.writeFresh(files, store.resolve(roots), name, ring, outer, false);
        root.install(files, store.resolve(roots), name, false);
      }
    }
    Files.delete(store.resolve("store/keys"));
    Files.delete(store.resolve("store/anchor"));
    verify(store, new OuterKey.InStore(), "adopted");
    assertThat(store.resolve("store/keys")).exists();
    verify(store, new OuterKey.InStore(), "opened again");
  }

  @Tag("slow")
  @Test
  void theOuterKey_canBeChangedFromAnyKindToAny() throws Exception {
    List<OuterKey> keys =
        List.of(
            new OuterKey.InStore(),
            new OuterKey.InStore(),
            phrase("one"),
            phrase("two"),
            file(1),
            file(2),
            new OuterKey.InStore());
    Path store = killedStore("changing", keys.getFirst());
    byte[] firstKey = Files.readAllBytes(store.resolve("store/key"));
    for (int i = 1; i < keys.size(); i++) {
      rekey(options(store, keys.get(i - 1)), keys.get(i));
      if (keys.get(i - 1).kind() != OuterKey.Kind.IN_STORE) {
        assertThatThrownBy(() -> Store.open(options(store, phrase("one"))).close())
            .isInstanceOf(StorageException.class);
      }
      verify(store, keys.get(i), "after change " + i);
      try (Stream<Path> files = Files.list(store.resolve("store"))) {
        assertThat(files.filter(path -> String.valueOf(path.getFileName()).matches("key(-.*)?")))
            .hasSize(keys.get(i).kind() == OuterKey.Kind.IN_STORE ? 1 : 0)
            .noneMatch(path -> holdsKey(path, firstKey));
      }
    }
  }

  private static boolean holdsKey(Path path, byte[] key) {
    try {
      return StoreSecrets.holds(path, key);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Who has the old key and an old copy of the record gets no further with it. */
  @Test
  void afterAChange_theOldKeyEncryptionKey_opensNothing() throws Exception {
    Path store = killedStore("old-key", new OuterKey.InStore());
    StoreSecrets old = new StoreSecrets(store.resolve("store"));
    Path root = store.resolve("store/volumes/durable");
    List<byte[]> keys = old.keysOf(root);
    rekey(options(store, new OuterKey.InStore()), new OuterKey.InStore());
    assertThatThrownBy(() -> old.keysOf(root)).hasMessageContaining("doesn't open");
    assertThat(new StoreSecrets(store.resolve("store")).keysOf(root).getFirst())
        .as("the data key is the same")
        .isEqualTo(keys.getFirst());
  }

  @Test
  void aChange_rewritesLessThan4KiBAnImageOrVolume() throws Exception {
    Path made = directory.resolve("made-many");
    int volumes = 10;
    try (Store store = Store.open(options(made, new OuterKey.InStore()))) {
      for (int v = 0; v < volumes; v++) {
        Volume volume =
            store.createVolume(
                "v" + v, new VolumeSpec(Optional.empty(), 1 << 20, Durability.FLUSH));
        for (int run = 0; run < (v == 0 ? 12 : 3); run++) {
          TestStore.write(volume, run, run);
          volume.checkpoint();
        }
        store.commit("v" + v, ImageName.parse("i" + v));
      }
    }
    FaultyFiles files = new FaultyFiles();
    rekey(options(made, new OuterKey.InStore()), file(1), files);
    assertThat(files.bytesWritten()).isLessThan(4096L * 2 * volumes);
    assertThat(files.count(Call.RENAME)).as("each root was rewritten").isGreaterThan(2L * volumes);
    System.out.println(
        "bytes rewritten an image or volume: " + files.bytesWritten() / (2L * volumes));
  }

  @Test
  void aRootThatCantBeRead_keepsItsKeyThroughAChange_andForbidsTheNext() throws Exception {
    Path store = killedStore("unreadable", file(1));
    Path root = store.resolve("store/volumes/durable");
    byte[] whole = Files.readAllBytes(root);
    Files.write(root, new byte[100]);
    rekey(options(store, file(1)), file(2));
    assertThatThrownBy(() -> rekey(options(store, file(2)), file(1)))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("can't be read");
    Files.write(root, whole);
    verify(store, file(2), "restored");
    rekey(options(store, file(2)), file(1));
    verify(store, file(1), "changed again");
  }

  @Test
  void aStoreThatIsntThere_isNotMadeByAChangeOfKey() {
    Path none = directory.resolve("none");
    assertThatThrownBy(() -> rekey(options(none, new OuterKey.InStore()), file(1)))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND));
    assertThat(none).doesNotExist();
  }

  /** From some call on nothing reaches the disk any more, for each call there is. */
  @Tag("slow")
  @Test
  void aChangeThatIsCutOffAtAnyCall_leavesAStoreThatOpensWithOneOfTheTwoKeys() throws Exception {
    List<List<OuterKey>> changes =
        List.of(
            List.of(new OuterKey.InStore(), file(1)),
            List.of(file(1), new OuterKey.InStore()),
            List.of(file(1), file(2)));
    for (int c = 0; c < changes.size(); c++) {
      OuterKey before = changes.get(c).get(0);
      OuterKey after = changes.get(c).get(1);
      Path whole = killedStore("change-" + c, before);
      boolean cut = true;
      int opened = 0;
      for (int at = 1; cut; at++) {
        String what = "change " + c + " cut at call " + at;
        Path store = copy(whole, "cut-" + c + "-" + at);
        cut = cutOff(store, before, after, at);
        boolean old = opens(store, before);
        assertThat(old ^ opens(store, after)).as(what).isTrue();
        opened += old ? 1 : 0;
        // What was begun can be done again, and nothing of it is left over.
        rekey(options(store, old ? before : after), after);
        verify(store, after, what);
        assertThat(new LocalFiles().list(store.resolve("store")))
            .as(what)
            .noneMatch(name -> name.endsWith(".new"));
      }
      assertThat(opened).as("cuts before the change").isPositive();
    }
  }

  private static boolean opens(Path store, OuterKey key) throws IOException {
    try {
      verify(store, key, "opened");
      return true;
    } catch (StorageException e) {
      assertThat(e.kind()).isEqualTo(Kind.INVALID);
      return false;
    }
  }

  /** Whether the change was cut off at all. */
  private static boolean cutOff(Path store, OuterKey before, OuterKey after, int at) {
    FaultyFiles files = new FaultyFiles();
    int[] calls = new int[1];
    files.fault(
        (call, path) -> {
          if (call.isMutating() && ++calls[0] >= at) {
            throw FaultyFiles.failure(Kind.IO, call, path);
          }
        });
    try {
      rekey(options(store, before), after, files);
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Test
  void aChange_syncsEachFileBeforeItsName_andTheNameBeforeWhatFollows() throws Exception {
    Path store = killedStore("order", new OuterKey.InStore());
    FaultyFiles files = new FaultyFiles();
    List<String> calls = new ArrayList<>();
    files.fault(
        (call, path) -> {
          if (call.isMutating()) {
            calls.add(call + " " + path.getFileName());
          }
        });
    rekey(options(store, new OuterKey.InStore()), new OuterKey.InStore(), files);
    int renames = 0;
    for (int i = 0; i < calls.size(); i++) {
      if (calls.get(i).startsWith("RENAME")) {
        renames++;
        assertThat(calls.get(i - 1)).as("before %s", calls.get(i)).startsWith("SYNC ");
        assertThat(calls.get(i + 1)).as("after %s", calls.get(i)).startsWith("SYNC_DIRECTORY");
      }
    }
    assertThat(renames).isEqualTo(7);
  }
}
