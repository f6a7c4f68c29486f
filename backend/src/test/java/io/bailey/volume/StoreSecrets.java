package io.bailey.volume;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.crypto.TestKeys;
import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The secrets of a store that opens with its own key file, as whoever has all its files sees them.
 */
public final class StoreSecrets {
  private final KeyWrap wrap;
  private final LocalFiles files = new LocalFiles();

  public StoreSecrets(Path store) throws IOException {
    KeyRecord record =
        KeyRecord.decode("keys", Files.readAllBytes(store.resolve(StoreKeys.RECORD)));
    KeyWrap outer = KeyWrap.read(files, store.resolve(record.keyFile()));
    wrap = outer.unwrapKey(record.wrappedKeys().getFirst()).orElseThrow();
  }

  /** The data keys that a root carries, each plain and wrapped. */
  public List<byte[]> keysOf(Path root) throws IOException {
    KeyRing ring = new KeyRing();
    List<byte[]> found = new ArrayList<>();
    for (DataKey.Id id : Root.read(files, root, ring, wrap).keyIds()) {
      DataKey key = ring.get(id);
      found.add(TestKeys.secret(key));
      found.add(wrap.wrap(key));
    }
    return found;
  }

  /** Whether bytes occur in a file. */
  public static boolean holds(Path file, byte[] bytes) throws IOException {
    byte[] in = Files.readAllBytes(file);
    for (int at = 0; at + bytes.length <= in.length; at++) {
      int same = 0;
      while (same < bytes.length && in[at + same] == bytes[same]) {
        same++;
      }
      if (same == bytes.length) {
        return true;
      }
    }
    return false;
  }
}
