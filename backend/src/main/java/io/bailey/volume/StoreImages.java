package io.bailey.volume;

import io.bailey.crypto.DataKey;
import io.bailey.dubtree.RunStack;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/** The images of a store. Thread-safe. */
final class StoreImages {
  private final StoreContext context;
  private final StoreNames names;

  /** Changed under the lock of {@code names}. */
  private final Map<ImageName, Stored> images = new ConcurrentSkipListMap<>();

  /** An image with the keys and runs that it keeps. */
  record Stored(Image image, Root root, RunStack stack) {}

  StoreImages(StoreContext context, StoreNames names) {
    this.context = context;
    this.names = names;
  }

  /** Images, by name. */
  Collection<Stored> all() {
    return images.values();
  }

  Optional<Image> get(ImageName name) {
    return Optional.ofNullable(images.get(name)).map(Stored::image);
  }

  Stored require(ImageName name) throws StorageException {
    Stored image = images.get(name);
    if (image == null) {
      throw new StorageException(
          Kind.NOT_FOUND, "no image " + name + ": 'bailey images' lists what there is");
    }
    return image;
  }

  /** Reads a whole disk in and names it; nothing of it remains if that fails. */
  Image importImage(ImageName name, DiskSource source, Progress progress) throws IOException {
    failIfTaken(name);
    DataKey key = DataKey.random();
    context.keys().add(key);
    RunWriter.Finished finished;
    try {
      finished = new ImageImport(source, progress).run(context.catalog(), key);
    } catch (IOException | RuntimeException e) {
      context.keys().release(key.id());
      throw e;
    }
    RunStack stack = RunStack.owning(context.catalog(), List.of(finished.run()));
    Root root = Root.ofImage(source.size(), Optional.empty(), stack.refs(), List.of(key.id()));
    VolumeRuns.Snapshot content = new VolumeRuns.Snapshot(root, stack);
    try {
      context.chunks().sync(finished.fresh());
    } catch (IOException | RuntimeException e) {
      content.giveBack(context.keys());
      throw e;
    }
    return publish(name, content);
  }

  void failIfTaken(ImageName name) throws StorageException {
    names.failIfLeftOut(name.toString());
    if (images.containsKey(name)) {
      throw new StorageException(
          Kind.EXISTS, "image " + name + " exists: choose another name or tag, or remove it first");
    }
  }

  /** Writes an image's root and adds it. Takes over what the content has, also if it fails. */
  Image publish(ImageName name, VolumeRuns.Snapshot content) throws IOException {
    try {
      synchronized (names.lock) {
        failIfTaken(name);
        Path roots = context.imageRoots();
        long generation = context.anchor().reserve(place(name), 0);
        Root root = content.root().reborn(0, generation);
        try {
          context.install(root, roots, name.toString());
        } catch (IOException e) {
          // The anchor keeps its entry: after a crash the root may be there all the same.
          context.files().delete(roots.resolve(name.toString()));
          throw e;
        }
        return add(name, root, content.stack());
      }
    } catch (IOException | RuntimeException e) {
      content.giveBack(context.keys());
      throw e;
    }
  }

  private static String place(ImageName name) {
    return Anchor.place(StoreDirectory.IMAGES, name.toString());
  }

  /** Adds an image whose root is on disk, and takes over the caller's reference to the stack. */
  Image add(ImageName name, Root root, RunStack stack) throws IOException {
    Image image =
        new Image(name, root.size(), stack.storedBytes(), root.contentId(), root.created());
    images.put(name, new Stored(image, root, stack));
    return image;
  }

  /** Forgets a name. Volumes forked from the image keep what they need of it. */
  void remove(ImageName name) throws IOException {
    Stored removed;
    synchronized (names.lock) {
      removed = require(name);
      Path roots = context.imageRoots();
      context.files().delete(roots.resolve(name.toString()));
      context.files().syncDirectory(roots);
      images.remove(name);
      context.anchor().gone(place(name));
    }
    removed.stack.release();
    removed.root.keyIds().forEach(context.keys()::release);
    context.maintenance().compactAllAtRest();
  }

  /** What an image has on disk, with its stack retained for the caller. */
  CheckSubject.Held held(Stored image) {
    ImageName name = image.image.name();
    image.stack.retain();
    return new CheckSubject.Held(
        image.root.size(),
        image.stack,
        root ->
            root.contentId().equals(image.root.contentId())
                ? Optional.empty()
                : Optional.of("root of " + name + " was replaced by another image's"),
        () -> image.equals(images.get(name)));
  }

  /** Reads the tables of all runs, so that their chunks count as referred to. */
  void loadRuns() throws IOException {
    for (Stored image : images.values()) {
      long _ = image.stack.storedBytes();
    }
  }
}
