package io.bailey.volume;

import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.crypto.PassphraseKey;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.SmallFile;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The keys that a store opens with, and their change. One thread.
 *
 * <h2>Changing the outer key</h2>
 *
 * A new key-encryption key is made too: who knew the old outer key and has an old copy of the
 * record would know the old one for ever. The rename of one record, which has both under the new
 * outer key, is the change; before it the store opens with the old key, after it with the new one.
 * Then every root is written again, a few hundred bytes each, with its data keys wrapped anew, and
 * at last the record without the retiring key. Whatever interrupts that, the next opening goes on.
 */
final class StoreKeys {
  static final String RECORD = "keys";

  private static final String KEY_FILE = "key";
  private static final System.Logger LOG = System.getLogger(StoreKeys.class.getName());

  private final HostFiles files;
  private final Path directory;
  private KeyRecord record;
  private KeyWrap outer;
  private KeyWrap current;
  private Optional<KeyWrap> retiring;

  private StoreKeys(HostFiles files, Path directory, KeyRecord record, KeyWrap outer)
      throws StorageException {
    this.files = files;
    this.directory = directory;
    this.record = record;
    this.outer = outer;
    this.current = unwrap(record.wrappedKeys().getFirst());
    this.retiring =
        record.wrappedKeys().size() > 1
            ? Optional.of(unwrap(record.wrappedKeys().get(1)))
            : Optional.empty();
  }

  private KeyWrap unwrap(byte[] wrapped) throws StorageException {
    return outer
        .unwrapKey(wrapped)
        .orElseThrow(
            () ->
                new StorageException(
                    Kind.DAMAGED, path(RECORD) + " authenticates, but its keys don't open"));
  }

  /** The key-encryption key. */
  KeyWrap current() {
    return current;
  }

  /**
   * Opens a store's keys, or makes them if it has none; an anchor is there too after that.
   *
   * @throws StorageException of kind {@code INVALID}, and nothing is changed, for a wrong key or
   *     none
   */
  static StoreKeys open(StoreDirectory store, OuterKey.Source source) throws IOException {
    return store.files().exists(store.resolve(RECORD))
        ? openPresent(store.files(), store.path(), source)
        : make(store, source);
  }

  /** Opens the keys of a store that has some, and changes nothing. */
  static StoreKeys openPresent(HostFiles files, Path store, OuterKey.Source source)
      throws IOException {
    Path path = store.resolve(RECORD);
    byte[] bytes;
    try (HostFile file = files.open(path)) {
      bytes = new byte[(int) Math.min(file.size(), KeyRecord.MAX_BYTES)];
      file.read(0, bytes, 0, bytes.length);
    }
    KeyRecord record = KeyRecord.decode("key record " + path, bytes);
    OuterKey given = source.get(Optional.of(record.kind()));
    if (given.kind() != record.kind()) {
      throw new StorageException(Kind.INVALID, needed(store, record.kind()));
    }
    KeyWrap outer =
        switch (given) {
          case OuterKey.InStore _ -> readKeyFile(files, store.resolve(record.keyFile()));
          case OuterKey.KeyFile file -> file.key();
          case OuterKey.Passphrase text -> record.passphrase().orElseThrow().derive(text.utf8());
        };
    if (!KeyRecord.isAuthentic(bytes, outer)) {
      throw new StorageException(
          Kind.INVALID,
          switch (given) {
            case OuterKey.InStore _ ->
                store.resolve(record.keyFile()) + " is not the key of store " + store;
            case OuterKey.KeyFile file ->
                "key file " + file.path() + " is not the key of store " + store;
            case OuterKey.Passphrase _ ->
                "that is not the passphrase of store " + store + ": try again";
          });
    }
    return new StoreKeys(files, store, record, outer);
  }

  private static KeyWrap readKeyFile(HostFiles files, Path path) throws IOException {
    if (!files.exists(path)) {
      throw new StorageException(
          Kind.INVALID, "key file " + path + " is missing: restore it from a backup");
    }
    return KeyWrap.read(files, path);
  }

  private static String needed(Path store, OuterKey.Kind recorded) {
    return "store "
        + store
        + switch (recorded) {
          case IN_STORE -> " opens with the key file that it holds: give no other key";
          case KEY_FILE ->
              " opens with a key file that lies elsewhere: say where with --key-file FILE";
          case PASSPHRASE ->
              " opens with a passphrase: type it at a terminal, or give --passphrase-file FILE";
        };
  }

  private static StoreKeys make(StoreDirectory store, OuterKey.Source source) throws IOException {
    HostFiles files = store.files();
    OuterKey given = source.get(Optional.empty());
    boolean hasRoots =
        !files.list(store.resolve("images")).isEmpty()
            || !files.list(store.resolve("volumes")).isEmpty();
    boolean older = files.exists(store.resolve(KEY_FILE));
    if (hasRoots && (!older || given.kind() != OuterKey.Kind.IN_STORE)) {
      throw new StorageException(
          Kind.DAMAGED,
          store.resolve(RECORD)
              + " is missing, and without it nothing in the store opens: restore it from a backup");
    }
    List<KeyWrap> keys = new ArrayList<>(List.of(KeyWrap.random()));
    if (hasRoots) {
      // Stores of early versions have no record: their key file wraps the data keys itself.
      keys.add(KeyWrap.read(files, store.resolve(KEY_FILE)));
    }
    Anchor.empty(files, store.path(), keys.getFirst()).write(keys.getFirst());
    Wrapped made = wrap(files, store.path(), given, 1, KEY_FILE, keys);
    write(files, store.path(), made);
    return new StoreKeys(files, store.path(), made.record, made.outer);
  }

  private record Wrapped(KeyRecord record, KeyWrap outer) {}

  /** Makes a record of keys under an outer key, and the key file, if it is of that kind. */
  private static Wrapped wrap(
      HostFiles files,
      Path directory,
      OuterKey given,
      int serial,
      String keyFile,
      List<KeyWrap> keys)
      throws IOException {
    Optional<PassphraseKey> how = Optional.empty();
    KeyWrap outer =
        switch (given) {
          case OuterKey.InStore _ -> KeyWrap.fromFile(files, directory, keyFile);
          case OuterKey.KeyFile file -> file.key();
          case OuterKey.Passphrase text -> {
            PassphraseKey fresh = PassphraseKey.fresh();
            how = Optional.of(fresh);
            yield fresh.derive(text.utf8());
          }
        };
    String name = given.kind() == OuterKey.Kind.IN_STORE ? keyFile : "";
    List<byte[]> wrapped = keys.stream().map(outer::wrap).toList();
    return new Wrapped(new KeyRecord(given.kind(), serial, name, how, wrapped), outer);
  }

  private static void write(HostFiles files, Path directory, Wrapped made) throws IOException {
    byte[] bytes = made.record.encode(made.outer);
    SmallFile.replace(files, directory.resolve(RECORD), bytes, bytes.length);
    files.syncDirectory(directory);
  }

  /** Puts another outer key in force; {@link #finish} must come next. */
  void replace(OuterKey next) throws IOException {
    if (retiring.isPresent()) {
      throw new StorageException(
          Kind.DAMAGED,
          "store "
              + directory
              + " has a root that can't be read and needs the key before this one: restore it, or"
              + " delete its file, and try again");
    }
    int serial = record.serial() + 1;
    List<KeyWrap> keys = List.of(KeyWrap.random(), current);
    Wrapped made = wrap(files, directory, next, serial, KEY_FILE + "-" + serial, keys);
    write(files, directory, made);
    record = made.record;
    outer = made.outer;
    retiring = Optional.of(current);
    current = keys.getFirst();
  }

  /**
   * Goes on with a change that was begun: rewrites what the retiring key still wraps, and forgets
   * that key. It is kept for another time while some root can't be read.
   *
   * @param rootDirectories of durable and of ephemeral roots
   */
  void finish(List<Path> rootDirectories) throws IOException {
    if (retiring.isEmpty()) {
      return;
    }
    KeyWrap old = retiring.get();
    boolean complete = true;
    for (Path roots : rootDirectories) {
      for (String name : files.list(roots)) {
        complete &= name.endsWith(Root.UNFINISHED) || rewrap(roots, name, old);
      }
    }
    rewrapAnchor(old);
    if (complete) {
      Wrapped made = new Wrapped(withoutRetiring(), outer);
      write(files, directory, made);
      record = made.record;
      retiring = Optional.empty();
    }
    for (String name : files.list(directory)) {
      if (name.matches("key(-[0-9]+)?(\\.new)?") && !name.equals(record.keyFile())) {
        files.delete(path(name));
      }
    }
    files.syncDirectory(directory);
  }

  private KeyRecord withoutRetiring() {
    return new KeyRecord(
        record.kind(),
        record.serial(),
        record.keyFile(),
        record.passphrase(),
        List.of(record.wrappedKeys().getFirst()));
  }

  private boolean rewrap(Path roots, String name, KeyWrap old) throws IOException {
    Path path = roots.resolve(name);
    try {
      Root.read(files, path, new KeyRing(), current);
      return true;
    } catch (StorageException e) {
      // Not wrapped anew yet, or damaged.
    }
    KeyRing ring = new KeyRing();
    Root root;
    try {
      root = Root.read(files, path, ring, old);
    } catch (StorageException e) {
      LOG.log(System.Logger.Level.WARNING, "its keys are not rewrapped: {0}", e.getMessage());
      return false;
    }
    root.writeFresh(files, roots, name, ring, current, true);
    root.install(files, roots, name, true);
    return true;
  }

  private void rewrapAnchor(KeyWrap old) throws IOException {
    try {
      Anchor.read(files, directory, old).write(current);
    } catch (StorageException e) {
      if (e.kind() != Kind.DAMAGED) {
        throw e;
      }
      // Written anew already, or damaged, which whoever reads it next says.
    }
  }

  private Path path(String name) {
    return directory.resolve(name);
  }
}
