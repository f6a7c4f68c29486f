package io.bailey.volume;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.Run;
import io.bailey.dubtree.RunCatalog;
import io.bailey.dubtree.RunStack;
import io.bailey.dubtree.RunWriter;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.journal.Journal;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * Everything one host keeps: images and volumes in one directory. Thread-safe; one process at a
 * time has it open.
 *
 * <h2>Opening</h2>
 *
 * Roots are read first, runs only when they are asked for. If the write buffers of the last process
 * are still in memory, they are what the roots lack; else, after a power cut, the journal is. Which
 * of the two it is, the id of the set of buffers decides, which is recorded in the store once the
 * set is complete.
 */
public final class Store implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Store.class.getName());
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final UUID NO_BUFFERS = new UUID(0, 0);
  private static final long MIN_MEMORY_BYTES = 32L << 20;
  private static final int MAX_OPEN_FILES = 512;

  private final StoreDirectory directory;
  private final StoreContext context;
  private final Map<ImageName, StoredImage> images = new ConcurrentSkipListMap<>();
  private final Map<String, Volume> volumes = new ConcurrentSkipListMap<>();

  /** Names being made; guarded by itself, and so are additions and removals. */
  private final Object names = new Object();

  /** Names of images and volumes whose roots couldn't be read. */
  private final Set<String> unreadable = new HashSet<>();

  /** Volumes on their way out, whose files are still there. Guarded by {@code names}. */
  private final Set<String> leaving = new HashSet<>();

  private volatile boolean closing;
  private final Thread collector =
      Thread.ofPlatform().daemon().name("bailey-collect").unstarted(this::collectGarbage);

  private record StoredImage(Image image, Root root, RunStack stack) {}

  private Store(StoreDirectory directory, StoreOptions options) throws IOException {
    this.directory = directory;
    HostFiles files = directory.files();
    long budget = options.memoryBudgetBytes();
    if (budget < MIN_MEMORY_BYTES) {
      throw new StorageException(
          Kind.INVALID,
          "a memory budget of "
              + budget
              + " bytes is too small: at least "
              + (MIN_MEMORY_BYTES >> 20)
              + " MiB are needed");
    }
    KeyRing keys = new KeyRing();
    KeyWrap wrap = KeyWrap.fromFile(files, directory.path(), "key");
    ChunkStore chunks = new ChunkStore(files, directory.resolve("chunks"), MAX_OPEN_FILES);
    RunCatalog catalog = new RunCatalog(chunks, keys, new BlockCache(budget / 2));
    Path ephemeral = options.memory().resolve("volumes");
    files.createDirectories(ephemeral);
    Journal journal = new Journal(files, directory.resolve("journal"));
    List<Slot> found = new ArrayList<>();
    UUID set = directory.bufferSet();
    long bufferBytes = budget / 4;
    SlabPool pool =
        new SlabPool(
            files,
            options.memory(),
            set,
            bufferBytes,
            (slot, sequence, volume, block, blocks) -> found.add(new Slot(slot, sequence, volume)));
    boolean buffersLost = found.isEmpty();
    UUID next = buffersLost ? UUID.randomUUID() : set;
    if (buffersLost) {
      pool.close(true);
      pool = new SlabPool(files, options.memory(), next, bufferBytes, (s, q, v, b, n) -> {});
    }
    context =
        new StoreContext(
            files,
            directory.resolve("volumes"),
            ephemeral,
            keys,
            wrap,
            chunks,
            catalog,
            pool,
            journal,
            new Maintenance(volumes::values));
    readRoots();
    recover(found, buffersLost);
    if (buffersLost) {
      directory.bufferSet(next);
    }
    if (unreadable.isEmpty()) {
      // Also after a clean stop: a reboot since takes the roots of ephemeral volumes with it.
      collector.start();
    }
  }

  private record Slot(int slot, long sequence, long volume) {}

  /** Opens a store, making it if the directory is missing or empty. */
  public static Store open(StoreOptions options) throws IOException {
    return open(options, new LocalFiles());
  }

  static Store open(StoreOptions options, HostFiles files) throws IOException {
    StoreDirectory directory = StoreDirectory.open(files, options.directory());
    try {
      return new Store(directory, options);
    } catch (IOException | RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  /**
   * Reads every root. One that can't be read is left out with all it may need: its name isn't free,
   * its slots and records are kept, and nothing is taken for garbage, until a start that reads it.
   */
  private void readRoots() throws IOException {
    for (String name : rootNames(directory.resolve("images"))) {
      try {
        Path path = directory.resolve("images").resolve(name);
        Root root = Root.read(context.files(), path, context.keys(), context.wrap());
        addImage(ImageName.parse(name), root, RunStack.open(context.catalog(), root.runs()));
      } catch (StorageException e) {
        leaveOut(name, e);
      }
    }
    for (Path roots : List.of(context.durableRoots(), context.ephemeralRoots())) {
      for (String name : rootNames(roots)) {
        try {
          Root root =
              Root.read(context.files(), roots.resolve(name), context.keys(), context.wrap());
          RunStack stack = RunStack.open(context.catalog(), root.runs());
          volumes.put(name, new Volume(context, name, root, stack));
        } catch (StorageException e) {
          leaveOut(name, e);
        }
      }
    }
  }

  private void leaveOut(String name, StorageException e) throws StorageException {
    if (e.kind() == Kind.TOO_NEW) {
      throw e;
    }
    LOG.log(System.Logger.Level.ERROR, "{0} is left out: {1}", name, e.getMessage());
    unreadable.add(name);
  }

  private List<String> rootNames(Path roots) throws IOException {
    List<String> found = new ArrayList<>();
    for (String name : context.files().list(roots)) {
      if (name.endsWith(Root.UNFINISHED)) {
        context.files().delete(roots.resolve(name));
      } else {
        found.add(name);
      }
    }
    return found;
  }

  private void recover(List<Slot> found, boolean buffersLost) throws IOException {
    Map<Long, Volume> byId = new HashMap<>();
    volumes.values().forEach(volume -> byId.put(volume.id(), volume));
    found.sort(Comparator.comparingLong(Slot::sequence));
    for (Slot slot : found) {
      Volume volume = byId.get(slot.volume());
      if (volume != null) {
        volume.adopt(slot.slot(), slot.sequence());
      } else if (unreadable.isEmpty()) {
        context.pool().give(slot.slot());
      }
    }
    context
        .journal()
        .recover(
            batch -> {
              Volume volume = byId.get(batch.volume());
              if (volume == null) {
                return !unreadable.isEmpty();
              }
              if (!volume.needs(batch)) {
                return false;
              }
              if (buffersLost) {
                volume.replay(batch);
              }
              return true;
            });
  }

  /** Returns when the collection that follows a start is over. */
  void awaitCollection() {
    try {
      collector.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void collectGarbage() {
    try {
      for (StoredImage image : images.values()) {
        load(image.stack);
      }
      for (Volume volume : volumes.values()) {
        if (closing) {
          return;
        }
        volume.loadRuns();
      }
      int removed = context.chunks().removeUnreferenced(Set.of());
      if (removed > 0) {
        LOG.log(System.Logger.Level.INFO, "removed {0} files that nothing refers to", removed);
      }
    } catch (IOException | IllegalStateException e) {
      LOG.log(System.Logger.Level.WARNING, "garbage is kept: {0}", e.getMessage());
    }
  }

  private static void load(RunStack stack) throws IOException {
    for (Run run : stack.runs()) {
      run.storedBytes();
    }
  }

  // Images

  /** Images, by name. */
  public List<Image> images() {
    return images.values().stream().map(StoredImage::image).toList();
  }

  public Optional<Image> image(ImageName name) {
    return Optional.ofNullable(images.get(name)).map(StoredImage::image);
  }

  private StoredImage requireImage(ImageName name) throws StorageException {
    StoredImage image = images.get(name);
    if (image == null) {
      throw new StorageException(
          Kind.NOT_FOUND, "no image " + name + ": 'bailey images' lists what there is");
    }
    return image;
  }

  /**
   * Reads a whole disk in and names it. Nothing of it is visible before it is complete, and nothing
   * remains if it fails.
   */
  public Image importImage(ImageName name, DiskSource source, Progress progress)
      throws IOException {
    failIfTaken(name);
    DataKey key = DataKey.random();
    context.keys().add(key);
    boolean done = false;
    try {
      RunWriter.Finished finished = new ImageImport(source, progress).run(context.catalog(), key);
      RunStack stack = RunStack.owning(context.catalog(), List.of(finished.run()));
      try {
        context.chunks().sync(finished.fresh());
        Root root =
            new Root(
                0,
                source.size(),
                0,
                1,
                Instant.now(),
                Durability.FLUSH,
                Optional.empty(),
                0,
                stack.refs(),
                List.of(key.id()));
        Image image = publish(name, root, stack);
        done = true;
        return image;
      } finally {
        if (!done) {
          stack.release();
        }
      }
    } finally {
      if (!done) {
        context.keys().release(key.id());
      }
    }
  }

  private void failIfTaken(ImageName name) throws StorageException {
    failIfUnreadable(name.toString());
    if (images.containsKey(name)) {
      throw new StorageException(
          Kind.EXISTS, "image " + name + " exists: choose another name or tag, or remove it first");
    }
  }

  private void failIfUnreadable(String name) throws StorageException {
    if (unreadable.contains(name)) {
      throw new StorageException(
          Kind.DAMAGED,
          name + " exists, but its root can't be read: choose another name; the log says why");
    }
  }

  /** Writes an image's root and adds it; its keys count for it from now on. */
  private Image publish(ImageName name, Root root, RunStack stack) throws IOException {
    synchronized (names) {
      failIfTaken(name);
      Path roots = directory.resolve("images");
      root.writeFresh(
          context.files(), roots, name.toString(), context.keys(), context.wrap(), true);
      try {
        root.install(context.files(), roots, name.toString(), true);
      } catch (IOException e) {
        context.files().delete(roots.resolve(name.toString()));
        throw e;
      }
      return addImage(name, root, stack);
    }
  }

  /** Takes over the caller's reference to the stack. */
  private Image addImage(ImageName name, Root root, RunStack stack) throws IOException {
    long stored = 0;
    for (Run run : stack.runs()) {
      stored += run.storedBytes();
    }
    Image image = new Image(name, root.size(), stored, root.contentId(), root.created());
    images.put(name, new StoredImage(image, root, stack));
    return image;
  }

  /** Forgets a name. Volumes forked from the image keep what they need of it. */
  public void removeImage(ImageName name) throws IOException {
    StoredImage removed;
    synchronized (names) {
      removed = requireImage(name);
      Path roots = directory.resolve("images");
      context.files().delete(roots.resolve(name.toString()));
      context.files().syncDirectory(roots);
      images.remove(name);
    }
    removed.stack.release();
    removed.root.keyIds().forEach(context.keys()::release);
  }

  /** Names the volume's present content as an image, as of one moment between writes. */
  public Image commit(String volume, ImageName name) throws IOException {
    failIfTaken(name);
    Volume source = requireVolume(volume);
    VolumeRuns.Snapshot snapshot = source.commit();
    List<DataKey.Id> retained = new ArrayList<>();
    boolean done = false;
    try {
      for (DataKey.Id id : snapshot.root().keyIds()) {
        context.keys().retain(id);
        retained.add(id);
      }
      Image image = publish(name, snapshot.root(), snapshot.stack());
      done = true;
      return image;
    } finally {
      if (!done) {
        retained.forEach(context.keys()::release);
        snapshot.stack().release();
      }
    }
  }

  // Volumes

  /** Volumes, by name. */
  public List<Volume> volumes() {
    return List.copyOf(volumes.values());
  }

  public Optional<Volume> volume(String name) {
    return Optional.ofNullable(volumes.get(name));
  }

  private Volume requireVolume(String name) throws StorageException {
    Volume volume = volumes.get(name);
    if (volume == null) {
      throw new StorageException(
          Kind.NOT_FOUND, "no volume " + name + ": 'bailey volumes' lists what there is");
    }
    return volume;
  }

  /** Makes a volume; a fork of an image takes the same time whatever the image's size. */
  public Volume createVolume(String name, VolumeSpec spec) throws IOException {
    ImageName.checkVolume(name);
    synchronized (names) {
      if (volumes.containsKey(name)) {
        throw new StorageException(
            Kind.EXISTS, "volume " + name + " exists: choose another name, or remove it first");
      }
      failIfUnreadable(name);
      if (leaving.contains(name)) {
        throw new StorageException(
            Kind.IN_USE, "volume " + name + " is being removed: try again when it is gone");
      }
      if (spec.from().isEmpty()) {
        checkSize(spec.size());
      }
      List<DataKey.Id> keyIds = new ArrayList<>();
      DataKey key = DataKey.random();
      context.keys().add(key);
      keyIds.add(key.id());
      RunStack stack;
      long size = spec.size();
      if (spec.from().isPresent()) {
        StoredImage image;
        try {
          image = requireImage(spec.from().get());
          size = sizeOverImage(spec, image.image);
        } catch (StorageException e) {
          context.keys().release(key.id());
          throw e;
        }
        for (DataKey.Id id : image.root.keyIds()) {
          context.keys().retain(id);
          keyIds.add(id);
        }
        stack = image.stack.fork();
      } else {
        stack = RunStack.owning(context.catalog(), List.of());
      }
      long id = RANDOM.nextLong() | 1;
      Root root =
          new Root(
              id,
              size,
              0,
              1,
              Instant.now(),
              spec.durability(),
              spec.from(),
              0,
              stack.refs(),
              List.copyOf(keyIds));
      Volume volume = new Volume(context, name, root, stack);
      try {
        volume.writeFirstRoot();
      } catch (IOException e) {
        volume.shut();
        volume.delete();
        throw e;
      }
      volumes.put(name, volume);
      return volume;
    }
  }

  private static long sizeOverImage(VolumeSpec spec, Image image) throws StorageException {
    if (spec.size() == 0) {
      return image.size();
    }
    checkSize(spec.size());
    if (spec.size() < image.size()) {
      throw new StorageException(
          Kind.INVALID,
          "a volume of "
              + spec.size()
              + " bytes is smaller than its image "
              + image.name()
              + " of "
              + image.size());
    }
    return spec.size();
  }

  private static void checkSize(long size) throws StorageException {
    long max = Dubtree.MAX_BLOCKS << Dubtree.BLOCK_SHIFT;
    if (size <= 0 || size > max || size % 512 != 0) {
      throw new StorageException(
          Kind.INVALID,
          "a disk can't have "
              + size
              + " bytes: choose a multiple of 512, from 512 to "
              + max
              + ", for example 10G");
    }
  }

  /** Deletes a volume and what only it held. Its requests in flight fail, kind {@code CLOSED}. */
  public void removeVolume(String name) throws IOException {
    Volume volume;
    synchronized (names) {
      volume = requireVolume(name);
      volumes.remove(name);
      leaving.add(name);
    }
    try {
      volume.shut();
      volume.delete();
    } finally {
      synchronized (names) {
        leaving.remove(name);
      }
    }
  }

  /** Ends background work and turns what the buffers hold into runs. Requests must have ended. */
  @Override
  public void close() throws IOException {
    closing = true;
    // What it would delete after this is another process's.
    awaitCollection();
    volumes.values().forEach(Volume::endMerges);
    context.maintenance().close();
    IOException failed = null;
    for (Volume volume : volumes.values()) {
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
    boolean clean = failed == null && unreadable.isEmpty();
    if (clean) {
      directory.bufferSet(NO_BUFFERS);
    }
    context.pool().close(clean);
    context.journal().close();
    context.chunks().close();
    directory.close();
    if (failed != null) {
      throw failed;
    }
  }
}
