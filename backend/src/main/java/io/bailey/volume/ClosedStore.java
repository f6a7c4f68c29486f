package io.bailey.volume;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.KeyRing;
import io.bailey.dubtree.RunCatalog;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** A store that no process has open. */
public final class ClosedStore {
  private static final int MAX_OPEN_FILES = 64;
  private static final long CACHE_BYTES = 32L << 20;

  private ClosedStore() {}

  /**
   * Reads every byte that images and volumes need, and says what is damaged. Nothing is changed but
   * what is repaired, and no process can open the store meanwhile.
   *
   * @param memory where the store's volatile part lies, or what isn't there if it has none
   * @param key what opens the store
   * @param cancelled asked now and then; once it says so the check fails, kind {@code CLOSED}
   * @throws StorageException kind {@code IN_USE} if a process has the store open
   */
  public static CheckReport check(
      Path directory,
      StoreMemory memory,
      OuterKey.Source key,
      CheckOptions options,
      Progress progress,
      BooleanSupplier cancelled)
      throws IOException {
    return check(new LocalFiles(), directory, memory, key, options, progress, cancelled);
  }

  static CheckReport check(
      HostFiles files,
      Path directory,
      StoreMemory memory,
      OuterKey.Source key,
      CheckOptions options,
      Progress progress,
      BooleanSupplier cancelled)
      throws IOException {
    if (!files.exists(directory.resolve("store"))) {
      throw new StorageException(Kind.INVALID, "there is no store in " + directory);
    }
    try (StoreDirectory held = StoreDirectory.open(files, directory);
        ChunkStore chunks =
            ChunkStore.asItIs(held.files(), held.resolve("chunks"), MAX_OPEN_FILES)) {
      Path volatilePart = held.memory(memory);
      return check(
          held.files(), held.path(), volatilePart, key, chunks, options, progress, cancelled);
    }
  }

  /** The same for a store that the caller keeps others from opening. */
  static CheckReport check(
      HostFiles files,
      Path directory,
      Path memory,
      OuterKey.Source key,
      ChunkStore chunks,
      CheckOptions options,
      Progress progress,
      BooleanSupplier cancelled)
      throws IOException {
    KeyRing keys = new KeyRing();
    RunCatalog catalog =
        new RunCatalog(chunks, keys, new BlockCache(CACHE_BYTES, CACHE_BYTES), CACHE_BYTES);
    List<CheckSubject> all = subjects(files, directory, memory.resolve(StoreDirectory.VOLUMES));
    List<CheckSubject> chosen = StoreChecker.choose(all, options.names());
    return new StoreChecker(
            files,
            directory,
            () -> StoreKeys.openPresent(files, directory, key).current(),
            catalog,
            chunks,
            keys,
            options,
            progress,
            cancelled)
        .check(chosen, chosen.size() == all.size());
  }

  /** Every root that lies in a store, by the names of files alone. */
  static List<CheckSubject> subjects(HostFiles files, Path store, Path ephemeral)
      throws IOException {
    List<CheckSubject> found = new ArrayList<>();
    Path images = store.resolve(StoreDirectory.IMAGES);
    for (Path roots : List.of(images, store.resolve(StoreDirectory.VOLUMES), ephemeral)) {
      CheckReport.Kind kind =
          roots.equals(images) ? CheckReport.Kind.IMAGE : CheckReport.Kind.VOLUME;
      for (String name : files.list(roots).stream().sorted().toList()) {
        if (!name.endsWith(Root.UNFINISHED)) {
          found.add(new CheckSubject(kind, name, roots.resolve(name)));
        }
      }
    }
    return found;
  }
}
