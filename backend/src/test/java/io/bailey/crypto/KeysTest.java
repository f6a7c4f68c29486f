package io.bailey.crypto;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class KeysTest {
  private final LocalFiles files = new LocalFiles();

  @TempDir Path directory;

  @Test
  void aWrappedKey_opensWithTheSameFile_andNoOther() throws Exception {
    DataKey key = DataKey.random();
    KeyWrap wrap = KeyWrap.fromFile(files, directory, "key");
    byte[] wrapped = wrap.wrap(key);
    assertThat(wrapped).hasSize(KeyWrap.WRAPPED_BYTES);
    assertThat(HexFormat.of().formatHex(wrapped)).doesNotContain(hex(key));
    DataKey again = KeyWrap.fromFile(files, directory, "key").unwrap(key.id(), wrapped, "root a");
    assertThat(again.secret()).isEqualTo(key.secret());
    assertThat(again.id()).isEqualTo(key.id());

    KeyWrap foreign = KeyWrap.fromFile(files, directory, "other");
    assertThatThrownBy(() -> foreign.unwrap(key.id(), wrapped, "root a"))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED))
        .hasMessageContaining("root a")
        .hasMessageContaining("another store's");
    for (int i = 0; i < wrapped.length; i++) {
      wrapped[i] ^= 1;
      assertThatThrownBy(() -> wrap.unwrap(key.id(), wrapped, "root a"))
          .as("byte %d", i)
          .isInstanceOf(StorageException.class);
      wrapped[i] ^= 1;
    }
  }

  @Test
  void aKeyFile_isSecret_andOfExactLength() throws Exception {
    KeyWrap.fromFile(files, directory, "key");
    Path path = directory.resolve("key");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo("rw-------");
    assertThat(path).hasSize(32);
    assertThat(directory.resolve("key.new")).doesNotExist();
    for (int length : new int[] {0, 31, 33}) {
      Files.write(path, new byte[length]);
      assertThatThrownBy(() -> KeyWrap.fromFile(files, directory, "key"))
          .isInstanceOfSatisfying(
              StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID))
          .hasMessageContaining(path.toString())
          .hasMessageContaining(length + " bytes");
    }
  }

  @Test
  void aKeyRing_forgetsAKey_whenItsLastOwnerGoes() throws Exception {
    KeyRing ring = new KeyRing();
    DataKey key = DataKey.random();
    ring.add(key);
    ring.add(key);
    ring.retain(key.id());
    ring.release(key.id());
    ring.release(key.id());
    assertThat(ring.get(key.id())).isSameAs(key);
    ring.release(key.id());
    ring.release(key.id());
    assertThatThrownBy(() -> ring.get(key.id()))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED))
        .hasMessageContaining(key.id().toString());
    assertThatThrownBy(() -> ring.retain(key.id())).isInstanceOf(StorageException.class);
    ring.add(key);
    assertThat(ring.get(key.id())).as("added again").isSameAs(key);
  }

  @Test
  void nothingPrinted_hasASecret() throws Exception {
    DataKey key = DataKey.random();
    Epoch epoch = Epoch.begin(key);
    KeyWrap wrap = KeyWrap.fromFile(files, directory, "key");
    String printed = List.of(key, key.id(), epoch, wrap, new KeyRing()).toString();
    assertThat(key).hasToString("data key " + key.id());
    assertThat(printed)
        .doesNotContain(hex(key))
        .doesNotContain(HexFormat.of().formatHex(epoch.key().getEncoded()))
        .doesNotContain(HexFormat.of().formatHex(Files.readAllBytes(directory.resolve("key"))));
  }

  private static String hex(DataKey key) {
    return HexFormat.of().formatHex(key.secret());
  }
}
