package io.bailey.volume;

import io.bailey.crypto.DataKey;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunStack;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The volumes of a store. Thread-safe. */
final class StoreVolumes {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final StoreContext context;
  private final StoreNames names;
  private final StoreImages images;

  /** Changed under the lock of {@code names}. */
  private final Map<String, Volume> volumes;

  /**
   * Volumes on their way out, whose files are still there. Guarded by the lock of {@code names}.
   */
  private final Map<String, Volume> leaving = new HashMap<>();

  /** Volumes that are shut, and left out as their roots couldn't be deleted. Guarded likewise. */
  private final Map<String, Volume> stuck = new HashMap<>();

  /**
   * @param volumes those that were found; may be read without a lock
   */
  StoreVolumes(
      StoreContext context, StoreNames names, StoreImages images, Map<String, Volume> volumes) {
    this.context = context;
    this.names = names;
    this.images = images;
    this.volumes = volumes;
  }

  /** Volumes, by name. */
  List<Volume> all() {
    return List.copyOf(volumes.values());
  }

  /** Those, and volumes whose roots may be there though they are being removed, or were to be. */
  List<Volume> allOnDisk() {
    synchronized (names.lock) {
      List<Volume> all = new ArrayList<>(volumes.values());
      all.addAll(leaving.values());
      all.addAll(stuck.values());
      return all;
    }
  }

  Optional<Volume> get(String name) {
    return Optional.ofNullable(volumes.get(name));
  }

  Volume require(String name) throws StorageException {
    Volume volume = volumes.get(name);
    if (volume == null) {
      throw new StorageException(
          Kind.NOT_FOUND, "no volume " + name + ": 'bailey volumes' lists what there is");
    }
    return volume;
  }

  /** Makes a volume; a fork of an image takes the same time whatever the image's size. */
  Volume create(String name, VolumeSpec spec) throws IOException {
    ImageName.checkVolume(name);
    synchronized (names.lock) {
      failIfTaken(name);
      VolumeRuns.Snapshot first = first(name, spec);
      Volume volume = new Volume(context, name, first.root(), first.stack());
      try {
        volume.writeFirstRoot();
      } catch (IOException | RuntimeException | Error e) {
        try {
          discard(volume);
        } catch (IOException | RuntimeException | Error other) {
          e.addSuppressed(other);
        }
        throw e;
      }
      volumes.put(name, volume);
      return volume;
    }
  }

  private void failIfTaken(String name) throws StorageException {
    if (volumes.containsKey(name)) {
      throw new StorageException(
          Kind.EXISTS, "volume " + name + " exists: choose another name, or remove it first");
    }
    names.failIfLeftOut(name);
    if (leaving.containsKey(name)) {
      throw new StorageException(
          Kind.IN_USE, "volume " + name + " is being removed: try again when it is gone");
    }
  }

  /** What a new volume begins with. */
  private VolumeRuns.Snapshot first(String name, VolumeSpec spec) throws StorageException {
    DataKey key = DataKey.random();
    List<DataKey.Id> keyIds = new ArrayList<>(List.of(key.id()));
    long size = spec.size();
    RunStack stack;
    if (spec.from().isPresent()) {
      StoreImages.Stored image = images.require(spec.from().get());
      size = sizeOverImage(spec, image.image());
      for (DataKey.Id id : image.root().keyIds()) {
        context.keys().retain(id);
        keyIds.add(id);
      }
      stack = image.stack().fork();
    } else {
      checkSize(size);
      stack = RunStack.owning(context.catalog(), List.of());
    }
    context.keys().add(key);
    long id = newId();
    boolean durable = spec.durability() != Durability.NONE;
    Root root =
        new Root(
            id,
            size,
            0,
            durable ? context.anchor().reserve(Anchor.place(StoreDirectory.VOLUMES, name), id) : 1,
            Instant.now(),
            spec.durability(),
            spec.from(),
            0,
            stack.refs(),
            List.copyOf(keyIds));
    return new VolumeRuns.Snapshot(root, stack);
  }

  /** Names a volume in the journal and the buffers. */
  static long newId() {
    return RANDOM.nextLong() | 1;
  }

  private static long sizeOverImage(VolumeSpec spec, Image image) throws StorageException {
    if (spec.size() == 0) {
      return image.size();
    }
    checkSize(spec.size());
    if (spec.size() < image.size()) {
      throw new StorageException(
          Kind.INVALID,
          "a volume of %d bytes is smaller than its image %s of %d"
              .formatted(spec.size(), image.name(), image.size()));
    }
    return spec.size();
  }

  private static void checkSize(long size) throws StorageException {
    long max = Dubtree.MAX_BLOCKS << Dubtree.BLOCK_SHIFT;
    if (size <= 0 || size > max || size % 512 != 0) {
      throw new StorageException(
          Kind.INVALID,
          "a disk can't have %d bytes: choose a multiple of 512, from 512 to %d, for example 10G"
              .formatted(size, max));
    }
  }

  /** Deletes a volume and what only it held. */
  void remove(String name) throws IOException {
    Volume volume;
    synchronized (names.lock) {
      volume = require(name);
      volumes.remove(name);
      leaving.put(name, volume);
    }
    discard(volume);
  }

  /** Goes on with a removal that failed; false if none of that name has. */
  boolean removeStuck(String name) throws IOException {
    Volume volume;
    synchronized (names.lock) {
      volume = stuck.remove(name);
      if (volume == null) {
        return false;
      }
      names.backIn(name);
      context.pool().strand(-volume.heldSlots());
      leaving.put(name, volume);
    }
    discard(volume);
    return true;
  }

  /** While its root may still be there, a volume keeps what that needs, for it may come back. */
  private void discard(Volume volume) throws IOException {
    String name = volume.name();
    try {
      volume.shut();
      volume.deleteRoot();
      context.anchor().gone(Anchor.place(StoreDirectory.VOLUMES, name));
    } catch (IOException | RuntimeException | Error e) {
      synchronized (names.lock) {
        stuck.put(name, volume);
        names.notRemoved(name, e);
        context.pool().strand(volume.heldSlots());
      }
      throw e;
    } finally {
      synchronized (names.lock) {
        leaving.remove(name);
      }
    }
    volume.release();
    context.maintenance().forgetNoSpace();
    context.maintenance().compactAllAtRest();
  }
}
