package io.bailey.volume;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The names of a store's images and volumes: the lock under which they come and go, and those that
 * are on disk and can't be served. Thread-safe.
 */
final class StoreNames {
  private static final System.Logger LOG = System.getLogger(StoreNames.class.getName());

  /** Held over I/O; {@link Volume} says what comes after it. */
  final Object lock = new Object();

  private final StoreContext context;

  /** Whose roots couldn't be read, or are older than they were, or lack writes; and why. */
  private final Map<String, String> leftOut = new ConcurrentHashMap<>();

  StoreNames(StoreContext context) {
    this.context = context;
  }

  /** Notes an image or volume that can't be served. What it may need is kept. */
  void leaveOut(String name, StorageException e) {
    LOG.log(System.Logger.Level.ERROR, "{0} is left out: {1}", name, e.getMessage());
    leftOut.put(name, String.valueOf(e.getMessage()));
    context.chunks().keepAll();
  }

  /** Notes a volume that was to be deleted, and whose root may still be there. */
  void notRemoved(String name, Throwable e) {
    String why = StorageException.reasonOf(e);
    leftOut.put(name, "its removal failed: " + why + ": 'bailey rm " + name + "' tries again");
  }

  /** One that was left out no longer is. */
  void backIn(String name) {
    leftOut.remove(name);
  }

  /** Why one of that name can't be served, if it is on disk and can't. */
  Optional<String> leftOut(String name) {
    return Optional.ofNullable(leftOut.get(name));
  }

  /** All that can't be served, with why. */
  Map<String, String> leftOut() {
    return Map.copyOf(leftOut);
  }

  boolean allServed() {
    return leftOut.isEmpty();
  }

  void failIfLeftOut(String name) throws StorageException {
    Optional<String> why = leftOut(name);
    if (why.isPresent()) {
      throw new StorageException(
          Kind.DAMAGED,
          name + " exists, but can't be served, so choose another name: " + why.get());
    }
  }

  /** Deletes the root of one that is left out; kind {@code NOT_FOUND} if that isn't. */
  void removeLeftOut(String name) throws IOException {
    synchronized (lock) {
      if (!leftOut.containsKey(name)) {
        throw new StorageException(Kind.NOT_FOUND, name + " is not left out");
      }
      boolean image = name.contains(":");
      Path roots = image ? context.imageRoots() : context.durableRoots();
      context.files().delete(roots.resolve(name));
      context.files().syncDirectory(roots);
      if (!image) {
        context.files().delete(context.ephemeralRoots().resolve(name));
      }
      String kind = image ? StoreDirectory.IMAGES : StoreDirectory.VOLUMES;
      context.anchor().gone(Anchor.place(kind, name));
      leftOut.remove(name);
    }
  }
}
