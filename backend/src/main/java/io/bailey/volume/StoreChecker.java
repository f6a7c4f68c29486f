package io.bailey.volume;

import io.bailey.chunk.Chunk;
import io.bailey.chunk.ChunkStore;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.Run;
import io.bailey.dubtree.RunCatalog;
import io.bailey.dubtree.RunChecker;
import io.bailey.dubtree.RunCoverage;
import io.bailey.dubtree.RunStack;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.journal.JournalChecker;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;

/**
 * Reads every byte that images and volumes need: roots, runs ({@link RunChecker}), the journal.
 * Each file is read once, however many of them share it. Changes nothing, unless it repairs. One
 * thread.
 *
 * <p>A chunk file that isn't what its name says, or is missing, can be fetched anew. The runs that
 * it hit are then checked again: behind a damaged tree there may be more that nobody could know of.
 */
final class StoreChecker {
  /** Hits and ranges in a report. */
  private static final int MAX_ENTRIES = 100_000;

  private static final int MAX_RANGES = 1000;

  private final HostFiles files;
  private final Path directory;
  private final KeySource wrap;
  private final RunCatalog catalog;
  private final ChunkStore chunks;
  private final KeyRing keys;
  private final CheckOptions options;
  private final Optional<ChunkRepair> repair;
  private final Progress progress;
  private final BooleanSupplier cancelled;

  private final DamageList damage = new DamageList();
  private Optional<Anchor> anchor = Optional.empty();
  private final Set<Run> damagedRuns = new HashSet<>();
  private final Set<Disk> damaged = new HashSet<>();
  private final List<Disk> disks = new ArrayList<>();
  private long done;
  private int room = MAX_ENTRIES;

  /** A subject as its root says it is; no runs and no bytes if it can't be read. */
  private record Disk(CheckSubject subject, long size, long volume, List<Run> runs) {
    CheckReport.Hit hit(List<CheckReport.Range> ranges) {
      return new CheckReport.Hit(subject.kind(), subject.name(), ranges);
    }
  }

  /**
   * A checker of a store that is open, or is held.
   *
   * @param catalog with its chunks and keys: where runs come from that no open store has
   * @param cancelled asked now and then; once it says so the check fails, kind {@code CLOSED}
   */
  StoreChecker(
      HostFiles files,
      Path directory,
      KeySource wrap,
      RunCatalog catalog,
      ChunkStore chunks,
      KeyRing keys,
      CheckOptions options,
      Progress progress,
      BooleanSupplier cancelled) {
    this.files = files;
    this.directory = directory;
    this.wrap = wrap;
    this.catalog = catalog;
    this.chunks = chunks;
    this.keys = keys;
    this.options = options;
    this.repair = options.repairFrom().map(source -> new ChunkRepair(chunks, source));
    this.progress = progress;
    this.cancelled = cancelled;
  }

  /** Gives the key-encryption key, once. */
  @FunctionalInterface
  interface KeySource {
    KeyWrap get() throws IOException;
  }

  /** The subjects that names mean; all of them if there are no names. */
  static List<CheckSubject> choose(List<CheckSubject> all, List<String> names)
      throws StorageException {
    if (names.isEmpty()) {
      return all;
    }
    Set<CheckSubject> chosen = new LinkedHashSet<>();
    for (String name : names) {
      chosen.add(
          all.stream()
              .filter(subject -> subject.name().equals(name))
              .findFirst()
              .or(
                  () ->
                      all.stream()
                          .filter(subject -> subject.name().equals(name + ":latest"))
                          .findFirst())
              .orElseThrow(
                  () ->
                      new StorageException(
                          Kind.NOT_FOUND,
                          "no image or volume "
                              + name
                              + ": 'bailey images' and 'bailey volumes' list them")));
    }
    return List.copyOf(chosen);
  }

  /**
   * Checks subjects, and says what it found.
   *
   * @param all whether they are all that the store has, so that the rest is garbage
   */
  CheckReport check(List<CheckSubject> subjects, boolean all) throws IOException {
    readRoots(subjects);
    Set<Run> runs = new LinkedHashSet<>();
    disks.forEach(disk -> runs.addAll(disk.runs));
    long total = chunksOf(runs).stream().mapToLong(Chunk::size).sum();
    checkAndRepair(runs, total);
    long records = checkJournal();
    List<CheckReport.Damage> found = new ArrayList<>();
    damage.files().forEach(file -> found.add(report(file)));
    boolean whole = found.stream().allMatch(CheckReport.Damage::repaired) && damage.more() == 0;
    return new CheckReport(
        disks.stream().map(this::checked).toList(),
        found,
        damage.more(),
        chunksOf(runs).size() + disks.size(),
        done,
        records,
        all && whole ? chunks.unreferenced() : List.of());
  }

  private void readRoots(List<CheckSubject> subjects) throws StorageException {
    Optional<KeyWrap> opened = Optional.empty();
    try {
      opened = Optional.of(wrap.get());
    } catch (IOException e) {
      inStore(StoreKeys.RECORD, e);
    }
    opened.ifPresent(this::readAnchor);
    try {
      UUID _ = StoreDirectory.bufferSet(files, directory);
    } catch (IOException e) {
      inStore(StoreDirectory.BUFFERS, e);
    }
    for (CheckSubject subject : subjects) {
      failIfCancelled();
      readRoot(subject, opened);
    }
  }

  private void readAnchor(KeyWrap opened) {
    try {
      anchor = Optional.of(Anchor.read(files, directory, opened));
    } catch (IOException e) {
      inStore(Anchor.NAME, e);
    }
  }

  /** Damage of a file that all of the store needs. */
  private void inStore(String name, IOException e) {
    String path = directory.resolve(name).toString();
    damage.add(path, -1, String.valueOf(e.getMessage()), Optional.empty());
  }

  /** What the anchor has against a durable root of a closed store: an older one was put back. */
  private Optional<String> objection(Path path, Root root) {
    if (anchor.isEmpty() || !path.startsWith(directory)) {
      return Optional.empty();
    }
    return anchor
        .get()
        .objection(directory.relativize(path).toString(), root)
        .map(what -> "root " + path + " " + what);
  }

  private void readRoot(CheckSubject subject, Optional<KeyWrap> opened) {
    Optional<CheckSubject.Held> held = subject.held();
    long size = held.map(CheckSubject.Held::size).orElse(0L);
    long volume = 0;
    List<Run> runs = held.map(h -> h.stack().runs()).orElse(List.of());
    Optional<String> problem = Optional.empty();
    try {
      if (opened.isEmpty()) {
        throw new StorageException(
            Kind.DAMAGED, "root " + subject.root() + " needs the store's keys");
      }
      KeyRing ring = held.isPresent() ? new KeyRing() : keys;
      Root root = Root.read(files, subject.root(), ring, opened.get());
      size = root.size();
      volume = root.volume();
      if (held.isPresent()) {
        problem = held.get().objection().apply(root);
      } else {
        runs = RunStack.open(catalog, root.runs()).runs();
        problem = objection(subject.root(), root);
      }
    } catch (IOException e) {
      if (held.isPresent() && !held.get().present().getAsBoolean()) {
        return;
      }
      problem = Optional.of(String.valueOf(e.getMessage()));
    }
    Disk disk = new Disk(subject, size, volume, runs);
    disks.add(disk);
    if (problem.isPresent()) {
      damaged.add(disk);
      CheckReport.Hit hit = disk.hit(List.of(new CheckReport.Range(0, size)));
      damage.add(subject.root().toString(), -1, problem.get(), Optional.of(hit));
    }
  }

  /** The files that runs need, as far as their descriptors can be read. */
  private static Set<Chunk> chunksOf(Set<Run> runs) {
    Set<Chunk> needed = new HashSet<>();
    for (Run run : runs) {
      try {
        needed.addAll(run.allChunks());
      } catch (IOException e) {
        // The check of the run will say so.
      }
    }
    return needed;
  }

  private void checkAndRepair(Set<Run> runs, long total) throws IOException {
    List<Chunk> found = checkRuns(runs, total);
    while (repair.isPresent()) {
      Set<String> repaired = repair.get().repair(found, this::failIfCancelled);
      if (repaired.isEmpty()) {
        return;
      }
      damage.settle(repaired);
      Set<Run> again = Set.copyOf(damagedRuns);
      damagedRuns.clear();
      found = checkRuns(again, total);
    }
  }

  /** Returns the files that aren't what their names say. */
  private List<Chunk> checkRuns(Set<Run> runs, long total) throws IOException {
    Run[] current = new Run[1];
    RunChecker.Listener listener =
        new RunChecker.Listener() {
          @Override
          public void read(long bytes) throws StorageException {
            done += bytes;
            progress.update(Math.min(done, total), total);
            failIfCancelled();
          }

          @Override
          public void damage(RunChecker.Damage found) {
            damagedRuns.add(current[0]);
            damage.add(current[0], found);
          }
        };
    progress.update(Math.min(done, total), total);
    List<Chunk> found;
    try (RunChecker checker = new RunChecker(options.openValues(), listener)) {
      for (Run run : runs) {
        failIfCancelled();
        current[0] = run;
        checker.check(run);
      }
      found = checker.damagedChunks();
    }
    progress.update(total, total);
    return found;
  }

  private void failIfCancelled() throws StorageException {
    if (cancelled.getAsBoolean()) {
      throw new StorageException(Kind.CLOSED, "the check was cancelled");
    }
  }

  private long checkJournal() throws IOException {
    Map<Long, Disk> volumes = new HashMap<>();
    // Images have no number, and a volume whose root can't be read none that is known.
    disks.stream().filter(disk -> disk.volume != 0).forEach(disk -> volumes.put(disk.volume, disk));
    return new JournalChecker(
            files,
            keys,
            volumes::containsKey,
            (segment, offset, volume, what) -> {
              Optional<Disk> disk = Optional.ofNullable(volumes.get(volume));
              disk.ifPresent(damaged::add);
              damage.add(segment.toString(), offset, what, disk.map(d -> d.hit(List.of())));
            })
        .check(directory.resolve("journal"));
  }

  /** The hits are listed as long as the report has room, their ranges as one where it is scarce. */
  private CheckReport.Damage report(DamageList.DamagedFile file) {
    List<CheckReport.Hit> hits = new ArrayList<>(file.disks);
    for (Disk disk : disks) {
      if (room > 0 && disk.runs.stream().anyMatch(file.runs::containsKey)) {
        List<CheckReport.Range> ranges = ranges(disk, file);
        if (ranges.size() > Math.min(room, MAX_RANGES)) {
          ranges = List.of(new CheckReport.Range(ranges.getFirst().from(), ranges.getLast().to()));
        }
        room -= 1 + ranges.size();
        hits.add(disk.hit(ranges));
      }
    }
    return new CheckReport.Damage(
        file.path,
        file.offset,
        file.what,
        file.places,
        hits,
        file.repaired(),
        file.repaired() ? Optional.empty() : repair.flatMap(r -> r.failure(file.path)));
  }

  /** What of a disk can't be read for a file: what newer runs have in its place can. */
  private static List<CheckReport.Range> ranges(Disk disk, DamageList.DamagedFile file) {
    long blocks = (disk.size + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
    List<CheckReport.Range> pieces = new ArrayList<>();
    for (int depth = 0; depth < disk.runs.size(); depth++) {
      List<Run> newer = disk.runs.subList(0, depth);
      for (DamageList.Blocks hit : file.runs.getOrDefault(disk.runs.get(depth), List.of())) {
        RunCoverage.uncovered(
            newer,
            hit.from(),
            Math.min(hit.to(), blocks),
            (from, to) ->
                pieces.add(
                    new CheckReport.Range(
                        from << Dubtree.BLOCK_SHIFT,
                        Math.min(to << Dubtree.BLOCK_SHIFT, disk.size))));
      }
    }
    pieces.sort(Comparator.comparingLong(CheckReport.Range::from));
    List<CheckReport.Range> joined = new ArrayList<>();
    for (CheckReport.Range piece : pieces) {
      CheckReport.Range last = joined.isEmpty() ? piece : joined.removeLast();
      if (piece.from() > last.to()) {
        joined.add(last);
        joined.add(piece);
      } else {
        joined.add(new CheckReport.Range(last.from(), Math.max(last.to(), piece.to())));
      }
    }
    return joined;
  }

  private CheckReport.Checked checked(Disk disk) {
    CheckSubject subject = disk.subject;
    boolean whole = !damaged.contains(disk) && disk.runs.stream().noneMatch(damagedRuns::contains);
    return new CheckReport.Checked(subject.kind(), subject.name(), disk.size, whole);
  }
}
