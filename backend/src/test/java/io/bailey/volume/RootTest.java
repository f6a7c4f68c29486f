package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunRef;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RootTest {
  private final LocalFiles files = new LocalFiles();
  private final KeyRing keys = new KeyRing();

  @TempDir Path directory;

  private KeyWrap wrap;

  @BeforeEach
  void wrap() throws IOException {
    wrap = KeyWrap.fromFile(files, directory, "key");
  }

  private Root random(Random random) throws IOException {
    List<DataKey.Id> keyIds = new ArrayList<>();
    for (int i = random.nextInt(4); i >= 0; i--) {
      DataKey key = DataKey.random();
      keys.add(key);
      keyIds.add(key.id());
    }
    List<RunRef> runs = new ArrayList<>();
    for (int i = random.nextInt(8); i > 0; i--) {
      byte[] bytes = new byte[200];
      random.nextBytes(bytes);
      bytes[0] = (byte) random.nextInt(Dubtree.MAX_LEVELS);
      Encoder ref = new Encoder(200).putBytes(bytes, 0, 33).putVar(1 + random.nextInt(1 << 30));
      ref.putBytes(bytes, 40, 48).putVar(random.nextInt(1 << 30)).putVar(100).putVar(200);
      ref.putVar(random.nextInt(1 << 30)).putBytes(bytes, 90, 16);
      runs.add(RunRef.readFrom(new Decoder("made up", ref.toBytes())));
    }
    return new Root(
        random.nextLong(),
        512 * (1 + random.nextLong(1L << 39)),
        random.nextLong(1L << 60),
        random.nextLong(1L << 60),
        Instant.ofEpochMilli(random.nextLong(1L << 42)),
        List.of(Durability.values()).get(random.nextInt(3)),
        random.nextBoolean() ? Optional.empty() : Optional.of(ImageName.parse("debian:12")),
        random.nextInt(runs.size() + 1),
        runs,
        keyIds);
  }

  private Root read(String name) throws IOException {
    return Root.read(files, directory.resolve(name), new KeyRing(), wrap);
  }

  @Test
  void aRoot_comesBack() throws Exception {
    for (long seed = 1; seed <= 50; seed++) {
      Root root = random(new Random(seed));
      write(root, seed % 2 == 0);
      assertThat(read("r")).as("seed %d", seed).usingRecursiveComparison().isEqualTo(root);
      assertThat(read("r").contentId()).isEqualTo(root.contentId());
    }
    assertThat(files.list(directory)).containsOnly("r", "key");
  }

  @Test
  void everyFlippedByte_andEveryTruncation_isRefused() throws Exception {
    write(random(new Random(7)), false);
    Path path = directory.resolve("r");
    byte[] bytes = Files.readAllBytes(path);
    for (int i = 0; i < bytes.length; i++) {
      for (int bit : new int[] {0x01, 0x80}) {
        byte[] damaged = bytes.clone();
        damaged[i] ^= (byte) bit;
        refused(path, damaged, "byte " + i + " flipped by " + bit);
      }
      refused(path, Arrays.copyOf(bytes, i), "cut at " + i);
    }
  }

  private void refused(Path path, byte[] bytes, String what) throws IOException {
    Files.write(path, bytes);
    assertThatThrownBy(() -> read("r"))
        .as(what)
        .isInstanceOf(StorageException.class)
        .hasMessageContaining(path.toString());
  }

  @Test
  void aRootOfANewerVersion_orOfAnotherStore_saysSo() throws Exception {
    write(random(new Random(8)), false);
    KeyWrap foreign = KeyWrap.fromFile(files, directory, "foreign");
    assertThatThrownBy(() -> Root.read(files, directory.resolve("r"), new KeyRing(), foreign))
        .hasMessageContaining("another store's");
    byte[] bytes = Files.readAllBytes(directory.resolve("r"));
    bytes[7] = 2;
    Files.write(directory.resolve("r"), bytes);
    assertThatThrownBy(() -> read("r"))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.TOO_NEW));
  }

  private void write(Root root, boolean sync) throws Exception {
    root.writeFresh(files, directory, "r", keys, wrap, sync);
    root.install(files, directory, "r", sync);
  }

  @Test
  void aRootThatNoStartWouldTake_isNotWritten() throws Exception {
    List<DataKey.Id> ids = new ArrayList<>();
    for (int i = 0; i <= 4096; i++) {
      DataKey key = DataKey.random();
      keys.add(key);
      ids.add(key.id());
    }
    Root most = Root.ofImage(512, Optional.empty(), List.of(), ids.subList(0, 4096));
    assertThat(most.writeFresh(files, directory, "most", keys, wrap, false)).isPositive();
    Root tooMany = Root.ofImage(512, Optional.empty(), List.of(), ids);
    assertThatThrownBy(() -> tooMany.writeFresh(files, directory, "v", keys, wrap, false))
        .hasMessageContaining("v would need 4097 data keys")
        .hasMessageContaining("copy the disk");
    assertThat(directory.resolve("v~new")).doesNotExist();
  }
}
