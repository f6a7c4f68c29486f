package io.bailey.volume;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * Everything one host keeps: images and volumes in one directory. Thread-safe; one process at a
 * time has it open. PLACEHOLDER inside: files stand in until the dubtree lands; the signatures
 * stay.
 */
public final class Store implements AutoCloseable {
  private final Path directory;
  private final Map<ImageName, Image> images = new ConcurrentSkipListMap<>();
  private final Map<String, Volume> volumes = new ConcurrentSkipListMap<>();

  private Store(Path directory) {
    this.directory = directory;
  }

  /** Opens a store, making it if the directory is missing or empty. */
  public static Store open(StoreOptions options) throws IOException {
    Files.createDirectories(options.directory());
    return new Store(options.directory());
  }

  /** Images, by name. */
  public List<Image> images() {
    return List.copyOf(images.values());
  }

  public Optional<Image> image(ImageName name) {
    return Optional.ofNullable(images.get(name));
  }

  /**
   * Reads a whole disk in and names it. Nothing of it is visible before it is complete, and nothing
   * remains if it fails.
   */
  public Image importImage(ImageName name, DiskSource source, Progress progress)
      throws IOException {
    if (images.containsKey(name)) {
      throw new StorageException(StorageException.Kind.EXISTS, "image " + name + " exists");
    }
    Volume v =
        new Volume(
            "i",
            new VolumeSpec(Optional.empty(), source.size(), Durability.NONE),
            directory.resolve("image-" + name));
    byte[] buffer = new byte[1 << 20];
    for (long at = source.nextData(0); at < source.size(); ) {
      int n = (int) Math.min(buffer.length, source.size() - at);
      source.read(at, buffer, 0, n);
      v.write(at, buffer, 0, n);
      progress.update(at + n, source.size());
      at = source.nextData(at + n);
    }
    v.close();
    Image image = new Image(name, source.size(), source.size(), "0".repeat(64), Instant.now());
    images.put(name, image);
    return image;
  }

  /** Forgets a name. Volumes forked from the image keep what they need of it. */
  public void removeImage(ImageName name) throws IOException {
    if (images.remove(name) == null) {
      throw new StorageException(StorageException.Kind.NOT_FOUND, "no image " + name);
    }
  }

  /** Volumes, by name. */
  public List<Volume> volumes() {
    return List.copyOf(volumes.values());
  }

  public Optional<Volume> volume(String name) {
    return Optional.ofNullable(volumes.get(name));
  }

  /** Makes a volume; a fork of an image takes the same time whatever the image's size. */
  public Volume createVolume(String name, VolumeSpec spec) throws IOException {
    ImageName.checkVolume(name);
    if (volumes.containsKey(name)) {
      throw new StorageException(StorageException.Kind.EXISTS, "volume " + name + " exists");
    }
    Path path = directory.resolve("volume-" + name);
    long size = spec.size();
    if (spec.from().isPresent()) {
      Image image = image(spec.from().get()).orElseThrow();
      Files.copy(directory.resolve("image-" + image.name()), path);
      size = size == 0 ? image.size() : size;
    }
    Volume v = new Volume(name, new VolumeSpec(spec.from(), size, spec.durability()), path);
    volumes.put(name, v);
    return v;
  }

  /** Deletes a volume and what only it held. Its requests in flight fail, kind {@code CLOSED}. */
  public void removeVolume(String name) throws IOException {
    Volume v = volumes.remove(name);
    if (v == null) {
      throw new StorageException(StorageException.Kind.NOT_FOUND, "no volume " + name);
    }
    v.close();
    Files.deleteIfExists(directory.resolve("volume-" + name));
  }

  /** Names the volume's present content as an image, as of one moment between writes. */
  public Image commit(String volume, ImageName name) throws IOException {
    return image(name).orElseThrow();
  }

  @Override
  public void close() throws IOException {
    for (Volume v : volumes.values()) {
      v.close();
    }
  }
}
