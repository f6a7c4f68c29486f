package io.bailey.volume;

import io.bailey.chunk.BlockCache;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.RunCatalog;
import io.bailey.dubtree.RunStack;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.journal.Batch;
import io.bailey.journal.Journal;
import io.bailey.journal.KeptIndexes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Opens a store once. Roots are read first, runs only when they are asked for. The journal has what
 * the roots lack, and the write buffers, if those of the last process are still in memory, what the
 * journal lacks. What can't be read is left out, with all it may need.
 */
final class StoreOpener {
  private static final System.Logger LOG = System.getLogger(StoreOpener.class.getName());
  private static final long MIN_MEMORY_BYTES = 32L << 20;
  private static final int MAX_OPEN_FILES = 512;

  private final StoreDirectory directory;
  private final boolean acceptRollback;
  private final BufferSet buffers;
  private final KeptIndexes kept;
  private final Map<String, Volume> volumes = new ConcurrentSkipListMap<>();
  private final StoreContext context;
  private final StoreNames names;
  private final StoreImages images;

  /** Opens what all images and volumes share. */
  StoreOpener(StoreDirectory directory, StoreOptions options, OuterKey.Source key)
      throws IOException {
    this.directory = directory;
    this.acceptRollback = options.acceptRollback();
    long budget = options.memoryBudgetBytes();
    if (budget < MIN_MEMORY_BYTES) {
      throw new StorageException(
          Kind.INVALID,
          "a memory budget of %d bytes is too small: at least %d MiB are needed"
              .formatted(budget, MIN_MEMORY_BYTES >> 20));
    }
    HostFiles files = directory.files();
    KeyRing keys = new KeyRing();
    Path volatilePart = directory.memory(options.memory());
    Path ephemeral = volatilePart.resolve(StoreDirectory.VOLUMES);
    StoreKeys storeKeys = StoreKeys.open(directory, key);
    storeKeys.finish(directory.roots(ephemeral));
    KeyWrap wrap = storeKeys.current();
    Anchor anchor = anchor(directory, wrap, acceptRollback);
    ChunkStore chunks = new ChunkStore(files, directory.resolve("chunks"), MAX_OPEN_FILES);
    chunks.keepForNow();
    MemoryBudget memory = new MemoryBudget(budget);
    BlockCache cache = new BlockCache(memory.blockCacheBytes(), memory.nodeCacheBytes());
    RunCatalog catalog = new RunCatalog(chunks, keys, cache, memory.presenceBytes());
    files.createDirectories(ephemeral);
    Journal journal = openJournal(files, directory, chunks);
    buffers = new BufferSet(directory, volatilePart, memory.writeBufferBytes());
    kept = new KeptIndexes(volatilePart, buffers.id(), memory.keptIndexBytes());
    context =
        new StoreContext(
            directory,
            ephemeral,
            keys,
            wrap,
            anchor,
            chunks,
            catalog,
            cache,
            buffers.pool(),
            journal,
            new IndexMemory(memory.journalIndexBytes()),
            new Maintenance(() -> volumes.values().stream().map(Volume::upkeep)));
    names = new StoreNames(context);
    images = new StoreImages(context, names);
  }

  private static Journal openJournal(HostFiles files, StoreDirectory directory, ChunkStore chunks)
      throws IOException {
    Path log = directory.resolve("journal");
    long usable = files.usableBytes(directory.path());
    Journal.Limits limits = Journal.Limits.of(usable, Journal.heldBytes(files, log));
    return new Journal(files, log, chunks::newSerial, limits);
  }

  /** Reads what earlier processes left. If that fails, all that was opened is closed. */
  Store open() throws IOException {
    try {
      Set<String> places = readRoots();
      readJournalAndBuffers();
      buffers.record();
      context.anchor().begin(places);
      context.maintenance().begin();
      return new Store(context, names, images, new StoreVolumes(context, names, images, volumes));
    } catch (IOException | RuntimeException e) {
      giveUp(e);
      throw e;
    }
  }

  /** Closes what a start that failed has opened, and leaves the rest as it is. */
  private void giveUp(Exception cause) {
    try {
      volumes.values().forEach(Volume::endMerges);
      volumes.values().forEach(Volume::shut);
      context.maintenance().close();
      context.closeFiles(false);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  private static Anchor anchor(StoreDirectory directory, KeyWrap wrap, boolean acceptRollback)
      throws IOException {
    try {
      return Anchor.read(directory.files(), directory.path(), wrap);
    } catch (StorageException e) {
      if (e.kind() != Kind.DAMAGED || !acceptRollback) {
        throw e;
      }
      LOG.log(System.Logger.Level.WARNING, "roots are taken as they are: {0}", e.getMessage());
      return Anchor.empty(directory.files(), directory.path(), wrap);
    }
  }

  /**
   * Reads every root. One that can't be read is left out with all it may need: its name isn't free,
   * its slots and records are kept, and nothing is taken for garbage, until a start that reads it.
   *
   * @return the places of roots, as the anchor has them
   */
  private Set<String> readRoots() throws IOException {
    Set<String> places = new HashSet<>();
    for (Path roots : directory.roots(context.ephemeralRoots())) {
      boolean ephemeral = roots.equals(context.ephemeralRoots());
      boolean image = roots.equals(context.imageRoots());
      for (String name : rootNames(roots)) {
        String place = Anchor.place(image ? StoreDirectory.IMAGES : StoreDirectory.VOLUMES, name);
        if (!ephemeral) {
          places.add(place);
        }
        try {
          Root root =
              Root.read(context.files(), roots.resolve(name), context.keys(), context.wrap());
          if (!ephemeral) {
            root = checked(roots, name, place, root);
          }
          RunStack stack = RunStack.open(context.catalog(), root.runs());
          if (image) {
            images.add(ImageName.parse(name), root, stack);
          } else {
            volumes.put(name, new Volume(context, name, root, stack));
          }
        } catch (StorageException e) {
          names.leaveOut(name, e);
        }
      }
    }
    return places;
  }

  /** Holds a durable root against the anchor; one that is accepted against it begins a new life. */
  private Root checked(Path roots, String name, String place, Root root) throws IOException {
    Root accepted = root;
    Optional<String> objection = context.anchor().objection(place, root);
    if (objection.isPresent()) {
      String what = "root " + roots.resolve(name) + " " + objection.get();
      if (!acceptRollback) {
        throw new StorageException(
            Kind.DAMAGED,
            what
                + ": put the right one back, or start once with --accept-rollback to go on from"
                + " this one");
      }
      LOG.log(System.Logger.Level.WARNING, "{0}, and is accepted", what);
      // A new id: what journal and buffers hold of the volume is of the life that is given up.
      long volume = root.volume() == 0 ? 0 : StoreVolumes.newId();
      accepted = root.reborn(volume, context.anchor().reserve(place, volume));
      context.install(accepted, roots, name);
    }
    context.anchor().saw(place, accepted);
    return accepted;
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

  /** First the journal, then the slots that are newer; a volume that lacks a write is left out. */
  private void readJournalAndBuffers() throws IOException {
    Map<Long, Volume> byId = new HashMap<>();
    volumes.values().forEach(volume -> byId.put(volume.id(), volume));
    context.journal().recover(new LogRecovery(byId), kept);
    byId.values().removeIf(this::isDamaged);
    AtomicInteger stranded = new AtomicInteger();
    buffers
        .slots()
        .visit(
            (place, sequence, id, block, count) -> {
              Volume volume = byId.get(id);
              if (volume != null) {
                volume.adopt(place, sequence, block, count);
              } else if (names.allServed()) {
                boolean _ = context.pool().give(place);
              } else if (SlabPool.isFirst(place)) {
                stranded.incrementAndGet();
              }
            });
    context.pool().strand(stranded.get());
  }

  /** Whether a volume lacks a write; it is left out then. */
  private boolean isDamaged(Volume volume) {
    Optional<StorageException> damage = volume.damage();
    if (damage.isPresent()) {
      names.leaveOut(volume.name(), damage.get());
      volume.leaveOut();
      volumes.remove(volume.name());
    }
    return damage.isPresent();
  }

  /** Hands batches to their volumes; those of volumes that can't be read are kept. */
  private final class LogRecovery implements Journal.Recovery {
    private final Map<Long, Volume> byId;
    private boolean canSort = true;

    LogRecovery(Map<Long, Volume> byId) {
      this.byId = byId;
    }

    @Override
    public boolean batch(Batch batch) throws IOException {
      Volume volume = byId.get(batch.volume());
      if (volume == null) {
        return !names.allServed();
      }
      boolean needed = volume.adopt(batch);
      // Where that fails, all of it is read: the process that wrote it had room for its index.
      if (canSort && context.indexMemory().isLow()) {
        canSort = context.maintenance().emptyAll();
      }
      return needed;
    }

    @Override
    public void missing(Journal.Missing missing) {
      LOG.log(System.Logger.Level.ERROR, "journal: {0}", missing.where());
      byId.values().forEach(volume -> volume.missing(missing));
    }
  }
}
