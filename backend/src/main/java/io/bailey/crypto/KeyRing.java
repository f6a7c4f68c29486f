package io.bailey.crypto;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.util.HashMap;
import java.util.Map;

/**
 * The data keys that this process knows, by id. Keys arrive when a root that carries them is
 * opened, and go when the last root that needs them does. Thread-safe.
 */
public final class KeyRing {
  private final Map<DataKey.Id, Held> keys = new HashMap<>();

  private static final class Held {
    final DataKey key;
    int owners;

    Held(DataKey key) {
      this.key = key;
    }
  }

  /** Takes a key in, once for every root that carries it. */
  public synchronized void add(DataKey key) {
    keys.computeIfAbsent(key.id(), id -> new Held(key)).owners++;
  }

  /** Counts one more root that carries a key which is known. */
  public synchronized void retain(DataKey.Id id) throws StorageException {
    add(get(id));
  }

  /** A root that carried the key is gone; after the last one the key is forgotten. */
  public synchronized void release(DataKey.Id id) {
    Held held = keys.get(id);
    if (held != null && --held.owners == 0) {
      keys.remove(id);
    }
  }

  /** The key of that id; kind {@code DAMAGED} if no opened root carried it. */
  public synchronized DataKey get(DataKey.Id id) throws StorageException {
    Held held = keys.get(id);
    if (held == null) {
      throw new StorageException(Kind.DAMAGED, "data key " + id + " is not known here");
    }
    return held.key;
  }
}
