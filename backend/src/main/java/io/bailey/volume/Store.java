package io.bailey.volume;

import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Everything one host keeps: images and volumes in one directory. Thread-safe; one process at a
 * time has it open. What a start finds, and in which order, is {@link StoreOpener}'s.
 */
public final class Store implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Store.class.getName());

  private final StoreContext context;
  private final StoreNames names;
  private final StoreImages images;
  private final StoreVolumes volumes;

  /** How long after a failed collection the next one begins. */
  private static final long COLLECT_AGAIN_SECONDS = 60;

  private final CountDownLatch collectedOnce = new CountDownLatch(1);
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread collector =
      Thread.ofPlatform().daemon().name("bailey-collect").unstarted(this::collectGarbage);

  Store(StoreContext context, StoreNames names, StoreImages images, StoreVolumes volumes) {
    this.context = context;
    this.names = names;
    this.images = images;
    this.volumes = volumes;
    if (names.allServed()) {
      // Also after a clean stop: a reboot since takes the roots of ephemeral volumes with it.
      collector.start();
    } else {
      collectedOnce.countDown();
    }
  }

  /** Opens a store, making it if the directory is missing or empty. */
  public static Store open(StoreOptions options) throws IOException {
    return open(options, new LocalFiles());
  }

  static Store open(StoreOptions options, HostFiles files) throws IOException {
    OuterKey.Source key = options.key();
    if (!files.exists(options.directory().resolve("store"))) {
      // First, so that nothing is made for want of a key.
      OuterKey given = key.get(Optional.empty());
      key = recorded -> given;
    }
    StoreDirectory directory = StoreDirectory.open(files, options.directory());
    try {
      directory.identify();
      return new StoreOpener(directory, options, key).open();
    } catch (IOException | RuntimeException e) {
      try {
        directory.close();
      } catch (IOException other) {
        e.addSuppressed(other);
      }
      throw e;
    }
  }

  /**
   * Changes the outer key of a store that no process has open.
   *
   * @param options say how it opens now, and where its ephemeral roots are
   * @param next is asked once the store has opened
   * @throws StorageException of kind {@code NOT_FOUND} if there is no store
   */
  public static void rekey(StoreOptions options, OuterKey.Source next) throws IOException {
    rekey(options, next, new LocalFiles());
  }

  static void rekey(StoreOptions options, OuterKey.Source next, HostFiles files)
      throws IOException {
    try (StoreDirectory directory = StoreDirectory.openExisting(files, options.directory())) {
      Path volatilePart = directory.memory(options.memory());
      List<Path> roots = directory.roots(volatilePart.resolve(StoreDirectory.VOLUMES));
      StoreKeys keys = StoreKeys.open(directory, options.key());
      keys.finish(roots);
      keys.replace(next.get(Optional.empty()));
      keys.finish(roots);
    }
  }

  /**
   * The id of the store in a directory, which may be open; empty if there is none, or one that an
   * early version made.
   */
  public static Optional<UUID> id(Path directory) throws IOException {
    return StoreDirectory.id(new LocalFiles(), directory);
  }

  /** Why an image or volume of that name, which is on disk, isn't among those that are served. */
  public Optional<String> leftOut(String name) {
    return names.leftOut(name);
  }

  /** Images ({@code NAME:TAG}) and volumes that are on disk and can't be served, with why. */
  public Map<String, String> leftOut() {
    return names.leftOut();
  }

  /**
   * Deletes the root of an image or volume that is left out. What only it needed goes with a later
   * start, once that can read all other roots.
   *
   * @throws StorageException kind {@code NOT_FOUND} if none of that name is left out
   */
  public void removeLeftOut(String name) throws IOException {
    if (!volumes.removeStuck(name)) {
      names.removeLeftOut(name);
    }
  }

  /** Returns when the collection that follows a start is over, or has failed for the first time. */
  void awaitCollection() {
    try {
      collectedOnce.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Writes the anchor now, and not some seconds later. */
  void writeAnchor() throws IOException {
    context.anchor().write();
  }

  /**
   * Reads what all runs refer to, and deletes the rest. Until then nothing is deleted. What can't
   * be read now may be later, once it is repaired or removed.
   */
  private void collectGarbage() {
    String told = "";
    try {
      do {
        try {
          collect();
          return;
        } catch (IOException | IllegalStateException e) {
          String why = String.valueOf(e.getMessage());
          if (!why.equals(told)) {
            LOG.log(
                System.Logger.Level.WARNING,
                "no file is deleted, whatever is removed, as long as this is so: {0}",
                why);
            told = why;
          }
        }
        collectedOnce.countDown();
      } while (!closing.await(COLLECT_AGAIN_SECONDS, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    } finally {
      collectedOnce.countDown();
    }
  }

  /** Once. */
  void collect() throws IOException {
    if (!loadRuns()) {
      return;
    }
    int removed = context.chunks().removeUnreferenced(Set.of());
    if (removed > 0) {
      LOG.log(System.Logger.Level.INFO, "removed " + removed + " files that nothing refers to");
    }
    // The process before may have ended before it came to that.
    context.maintenance().compactAllAtRest();
  }

  /** Reads the tables of all runs; false if the store closes meanwhile. */
  private boolean loadRuns() throws IOException {
    images.loadRuns();
    for (Volume volume : volumes.allOnDisk()) {
      if (closing.getCount() == 0) {
        return false;
      }
      try {
        volume.loadRuns();
      } catch (IllegalStateException e) {
        if (volumes.allOnDisk().contains(volume)) {
          throw e;
        }
        // It was removed meanwhile.
      }
    }
    return true;
  }

  // Images

  /** Images, by name. */
  public List<Image> images() {
    return images.all().stream().map(StoreImages.Stored::image).toList();
  }

  public Optional<Image> image(ImageName name) {
    return images.get(name);
  }

  /**
   * Reads a whole disk in and names it. Nothing of it is visible before it is complete, and nothing
   * remains if it fails.
   */
  public Image importImage(ImageName name, DiskSource source, Progress progress)
      throws IOException {
    return images.importImage(name, source, progress);
  }

  /** Forgets a name. Volumes forked from the image keep what they need of it. */
  public void removeImage(ImageName name) throws IOException {
    images.remove(name);
  }

  /** Names the volume's present content as an image, as of one moment between writes. */
  public Image commit(String volume, ImageName name) throws IOException {
    images.failIfTaken(name);
    return images.publish(name, volumes.require(volume).commit());
  }

  // Volumes

  /** Volumes, by name. */
  public List<Volume> volumes() {
    return volumes.all();
  }

  public Optional<Volume> volume(String name) {
    return volumes.get(name);
  }

  /** Makes a volume; a fork of an image takes the same time whatever the image's size. */
  public Volume createVolume(String name, VolumeSpec spec) throws IOException {
    return volumes.create(name, spec);
  }

  /** Deletes a volume and what only it held. Its requests in flight fail, kind {@code CLOSED}. */
  public void removeVolume(String name) throws IOException {
    volumes.remove(name);
  }

  // Checks

  /**
   * Reads every byte that images and volumes have on disk, and says what is damaged. Goes on beside
   * all else; what is written meanwhile may be missing from it.
   *
   * @param cancelled asked now and then; once it says so the check fails, kind {@code CLOSED}
   */
  public CheckReport check(CheckOptions options, Progress progress, BooleanSupplier cancelled)
      throws IOException {
    context.directory().check();
    List<CheckSubject> all = new CheckSubjects(context, names, images, volumes).collect();
    try {
      List<CheckSubject> chosen = StoreChecker.choose(all, options.names());
      return new StoreChecker(
              context.files(),
              context.directory().path(),
              context::wrap,
              context.catalog(),
              context.chunks(),
              context.keys(),
              options,
              progress,
              cancelled)
          .check(chosen, chosen.size() == all.size());
    } finally {
      all.forEach(subject -> subject.held().ifPresent(held -> held.stack().release()));
      // What was removed meanwhile has only gone now.
      context.maintenance().compactAllAtRest();
    }
  }

  // The end

  /** Ends background work and turns what the buffers hold into runs. Requests must have ended. */
  @Override
  public void close() throws IOException {
    closing.countDown();
    // What it would delete after this is another process's.
    awaitCollector();
    volumes.all().forEach(Volume::endMerges);
    context.maintenance().close();
    IOException failed = null;
    for (Volume volume : volumes.all()) {
      try {
        volume.empty();
      } catch (IOException e) {
        LOG.log(
            System.Logger.Level.ERROR,
            "volume {0} keeps its last writes in memory and, as far as flushed, in the journal: {1}",
            volume.name(),
            e.getMessage());
        failed = e;
      }
      volume.shut();
    }
    try (StoreDirectory directory = context.directory()) {
      boolean clean = false;
      try {
        if (failed == null && names.allServed()) {
          BufferSet.forget(directory);
          clean = true;
        }
      } finally {
        closeAnchor();
        context.closeFiles(clean);
      }
    }
    if (failed != null) {
      throw failed;
    }
  }

  private void awaitCollector() {
    try {
      collector.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeAnchor() {
    try {
      context.anchor().close();
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "rollbacks to what this process began with may go unnoticed: {0}",
          e.getMessage());
    }
  }
}
