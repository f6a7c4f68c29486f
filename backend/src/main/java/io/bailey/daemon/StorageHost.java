package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.bailey.nbd.ExportStats;
import io.bailey.nbd.NbdExport;
import io.bailey.nbd.NbdServer;
import io.bailey.volume.CheckOptions;
import io.bailey.volume.CheckReport;
import io.bailey.volume.DiskSource;
import io.bailey.volume.Image;
import io.bailey.volume.ImageName;
import io.bailey.volume.Progress;
import io.bailey.volume.Store;
import io.bailey.volume.Volume;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BooleanSupplier;

/**
 * A store with every volume in it served over NBD.
 *
 * <p>Concurrency: one change of a volume at a time, by its name; another that comes meanwhile is
 * refused, kind {@code IN_USE}, rather than made to wait. Volumes of other names are not touched.
 * Changes hold the read side of {@link #life}; stopping takes its write side, so that it waits for
 * the changes that have begun, and none begins after it.
 */
final class StorageHost implements StorageService {
  private static final System.Logger LOG = System.getLogger(StorageHost.class.getName());

  /** How long requests in flight may take to end when a volume's export stops with the daemon. */
  private static final Duration GRACE = Duration.ofSeconds(5);

  private final Store store;
  private final NbdServer server;
  private final RunDirectory run;
  private final Map<String, NbdExport> exports = new ConcurrentSkipListMap<>();
  private final Set<String> changing = ConcurrentHashMap.newKeySet();
  private final ReadWriteLock life = new ReentrantReadWriteLock();
  private boolean closed;

  StorageHost(Store store, NbdServer server, RunDirectory run) {
    this.store = store;
    this.server = server;
    this.run = run;
  }

  /** Serves the volumes that the store has. */
  void serveAll() throws IOException {
    for (Volume volume : store.volumes()) {
      serve(volume);
    }
  }

  @Override
  public List<Image> images() {
    return store.images();
  }

  @Override
  public Optional<Image> image(ImageName name) {
    return store.image(name);
  }

  Image importImage(ImageName name, DiskSource source, Progress progress) throws IOException {
    return change(() -> store.importImage(name, source, progress));
  }

  void removeImage(ImageName name) throws IOException {
    change(
        () -> {
          if (store.leftOut(name.toString()).isPresent()) {
            return removeLeftOut(name.toString());
          }
          if (store.image(name).isEmpty()) {
            throw noImage(name);
          }
          store.removeImage(name);
          return name;
        });
    LOG.log(Level.INFO, "removed image " + name);
  }

  /** Images and volumes that couldn't be read at the start, and why, by name. */
  SortedMap<String, String> leftOut() {
    return new TreeMap<>(store.leftOut());
  }

  private String removeLeftOut(String name) throws IOException {
    store.removeLeftOut(name);
    LOG.log(Level.INFO, "removed " + name + ", which was left out");
    return name;
  }

  Image commit(String volume, ImageName name) throws IOException {
    find(volume);
    if (store.image(name).isPresent()) {
      throw imageExists(name);
    }
    Image image = change(() -> store.commit(volume, name));
    LOG.log(Level.INFO, "committed volume " + volume + " as image " + name);
    return image;
  }

  CheckReport check(CheckOptions options, Progress progress, BooleanSupplier cancelled)
      throws IOException {
    CheckReport report = change(() -> store.check(options, progress, cancelled));
    report.damage().forEach(damage -> LOG.log(Level.ERROR, "check: " + damage.what()));
    return report;
  }

  @Override
  public Export createVolume(String name, VolumeSpec spec) throws IOException {
    ImageName.checkVolume(name);
    return change(name, () -> create(name, spec));
  }

  @Override
  public void removeVolume(String name) throws IOException {
    change(
        name,
        () -> {
          if (store.leftOut(name).isPresent()) {
            return removeLeftOut(name);
          }
          find(name);
          NbdExport export = exports.get(name);
          if (export != null) {
            export.abandon();
            exports.remove(name);
          }
          try {
            store.removeVolume(name);
          } finally {
            run.removeVolumeSocket(name);
          }
          LOG.log(Level.INFO, "removed volume " + name);
          return name;
        });
  }

  @Override
  public Optional<Export> volume(String name) {
    return store
        .volume(name)
        .flatMap(volume -> Optional.ofNullable(exports.get(name)).map(e -> export(volume, e)));
  }

  @Override
  public List<Export> volumes() {
    List<Export> served = new ArrayList<>();
    for (Volume volume : store.volumes()) {
      NbdExport export = exports.get(volume.name());
      if (export != null) {
        served.add(export(volume, export));
      }
    }
    return served;
  }

  @Override
  public ExportReport stats(String volume) throws IOException {
    Volume found = find(volume);
    NbdExport export = exports.get(volume);
    if (export == null) {
      throw noVolume(volume);
    }
    return report(found, export);
  }

  /** The reports of all volumes, by name. */
  List<ExportReport> reports() {
    List<ExportReport> reports = new ArrayList<>();
    for (Volume volume : store.volumes()) {
      NbdExport export = exports.get(volume.name());
      if (export != null) {
        reports.add(report(volume, export));
      }
    }
    return reports;
  }

  /**
   * Ends all exports: requests in flight end, everything written is flushed, the sockets go. All at
   * once, so that hundreds take no longer than the slowest.
   */
  void stopExports() throws IOException {
    life.writeLock().lock();
    try {
      closed = true;
    } finally {
      life.writeLock().unlock();
    }
    List<IOException> failures = Collections.synchronizedList(new ArrayList<>());
    List<Thread> stopping = new ArrayList<>();
    for (Map.Entry<String, NbdExport> entry : exports.entrySet()) {
      stopping.add(
          Thread.ofVirtual()
              .name("stop export " + entry.getKey())
              .start(
                  () -> {
                    try {
                      entry.getValue().stop(GRACE);
                      run.removeVolumeSocket(entry.getKey());
                    } catch (IOException e) {
                      failures.add(new IOException("volume " + entry.getKey() + ": " + e, e));
                    }
                  }));
    }
    try {
      for (Thread thread : stopping) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      failures.add(new IOException("interrupted while exports stopped", e));
    }
    exports.clear();
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }

  static StorageException noImage(ImageName name) {
    return new StorageException(
        StorageException.Kind.NOT_FOUND, "no image " + name + ": 'bailey images' lists them");
  }

  static StorageException imageExists(ImageName name) {
    return new StorageException(
        StorageException.Kind.EXISTS,
        "image " + name + " exists: choose another name or tag, or remove it first");
  }

  static StorageException noVolume(String name) {
    return new StorageException(
        StorageException.Kind.NOT_FOUND, "no volume " + name + ": 'bailey volumes' lists them");
  }

  /** That something isn't there, or, if it is and was left out, why. */
  StorageException missing(String name, StorageException otherwise) {
    return store
        .leftOut(name)
        .map(
            why ->
                new StorageException(StorageException.Kind.DAMAGED, name + " is left out: " + why))
        .orElse(otherwise);
  }

  private Volume find(String name) throws StorageException {
    return store.volume(name).orElseThrow(() -> missing(name, noVolume(name)));
  }

  private NbdExport serve(Volume volume) throws IOException {
    String description = volume.from().map(image -> "from " + image).orElse("empty at first");
    NbdExport export =
        server.serve(volume.name(), description, volume, run.volumeSocket(volume.name()));
    exports.put(volume.name(), export);
    LOG.log(Level.INFO, "serving volume " + volume.name() + ", " + description);
    return export;
  }

  private Export export(Volume volume, NbdExport export) {
    return new Export(
        volume.name(),
        volume.from(),
        volume.size(),
        volume.durability(),
        export.socket(),
        export.connections(),
        volume.created());
  }

  private ExportReport report(Volume volume, NbdExport export) {
    ExportStats.Snapshot counted = export.stats().snapshot();
    Map<String, ExportReport.Requests> requests = new LinkedHashMap<>();
    counted
        .requests()
        .forEach(
            (kind, figures) ->
                requests.put(
                    kind.label(),
                    new ExportReport.Requests(
                        figures.count(),
                        figures.bytes(),
                        figures.p50Micros(),
                        figures.p99Micros(),
                        figures.p999Micros())));
    return new ExportReport(
        volume.name(),
        Collections.unmodifiableMap(requests),
        export.connections(),
        counted.queueDepth(),
        counted.errors(),
        volume.stats());
  }

  private Export create(String name, VolumeSpec spec) throws IOException {
    if (store.volume(name).isPresent()) {
      throw new StorageException(
          StorageException.Kind.EXISTS,
          "volume " + name + " exists: choose another name, or remove it first");
    }
    if (spec.from().isPresent() && store.image(spec.from().get()).isEmpty()) {
      throw noImage(spec.from().get());
    }
    run.volumeSocket(name);
    Volume volume;
    try {
      volume = store.createVolume(name, spec);
    } catch (IOException | RuntimeException e) {
      run.removeVolumeSocket(name);
      throw e;
    }
    try {
      return export(volume, serve(volume));
    } catch (IOException | RuntimeException e) {
      try {
        store.removeVolume(name);
        run.removeVolumeSocket(name);
      } catch (IOException other) {
        e.addSuppressed(other);
      }
      throw e;
    }
  }

  /** A change of the store. */
  @FunctionalInterface
  private interface Change<T> {
    T make() throws IOException;
  }

  /** Makes a change of one volume while no other change of it is being made. */
  private <T> T change(String name, Change<T> change) throws IOException {
    if (!changing.add(name)) {
      throw new StorageException(
          StorageException.Kind.IN_USE,
          "volume " + name + " is being made or removed at this moment: try again");
    }
    try {
      return change(change);
    } finally {
      changing.remove(name);
    }
  }

  private <T> T change(Change<T> change) throws IOException {
    life.readLock().lock();
    try {
      if (closed) {
        throw new StorageException(
            StorageException.Kind.CLOSED, "the daemon is stopping: start it again first");
      }
      return change.make();
    } finally {
      life.readLock().unlock();
    }
  }
}
