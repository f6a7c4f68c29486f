package io.bailey.volume;

import io.bailey.dubtree.Run;
import io.bailey.dubtree.RunChecker;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Damaged places as they are found, gathered by file. Bounded. One thread. */
final class DamageList {
  private static final int MAX_RANGES = 10_000;

  private final Map<String, DamagedFile> files = new LinkedHashMap<>();
  private long more;

  /** As {@link #more}, in files of runs. */
  private long moreOfRuns;

  /** A damaged file, and what of which runs or of which disk is hit. */
  static final class DamagedFile {
    final String path;
    final long offset;
    final String what;
    long places;
    private long lastPlace = Long.MIN_VALUE;

    /** Nothing of it is added any more. */
    private boolean settled;

    private boolean repaired;
    final Map<Run, List<Blocks>> runs = new LinkedHashMap<>();
    final List<CheckReport.Hit> disks = new ArrayList<>();

    DamagedFile(String path, long offset, String what) {
      this.path = path;
      this.offset = offset;
      this.what = what;
    }

    boolean repaired() {
      return repaired;
    }
  }

  /** The first block, and the one after the last. */
  record Blocks(long from, long to) {}

  /** Adds a place in a file of a run. */
  void add(Run run, RunChecker.Damage damage) {
    if (lacksRoom(damage.file())) {
      moreOfRuns++;
      return;
    }
    Optional<DamagedFile> file = file(damage.file(), damage.offset(), damage.what());
    if (file.isPresent()) {
      List<Blocks> ranges = file.get().runs.computeIfAbsent(run, r -> new ArrayList<>());
      if (damage.toBlock() > damage.fromBlock()) {
        add(ranges, damage.fromBlock(), damage.toBlock());
      }
    }
  }

  /** Adds a place that is no run's. */
  void add(String path, long offset, String what, Optional<CheckReport.Hit> disk) {
    if (lacksRoom(path)) {
      more++;
      return;
    }
    file(path, offset, what)
        .ifPresent(
            file -> disk.filter(hit -> !file.disks.contains(hit)).ifPresent(file.disks::add));
  }

  private boolean lacksRoom(String path) {
    return files.size() == CheckReport.MAX_DAMAGE && !files.containsKey(path);
  }

  private Optional<DamagedFile> file(String path, long offset, String what) {
    DamagedFile file = files.computeIfAbsent(path, p -> new DamagedFile(p, offset, what));
    if (file.settled) {
      // Also one that was repaired, if it is found again.
      file.repaired = false;
      return Optional.empty();
    }
    // What a place hits may come in several parts.
    if (offset < 0 || offset != file.lastPlace) {
      file.places++;
      file.lastPlace = offset;
    }
    return Optional.of(file);
  }

  /**
   * What was found so far stays as it is; some of the files were repaired. Runs with damage are
   * checked again, so what isn't listed of them is found anew where it is still there.
   */
  void settle(Set<String> repaired) {
    moreOfRuns = 0;
    for (DamagedFile file : files.values()) {
      file.settled = true;
      file.repaired |= repaired.contains(file.path);
    }
  }

  /** Past the limit the last range grows over what comes. */
  private static void add(List<Blocks> ranges, long from, long to) {
    Blocks last = ranges.isEmpty() ? new Blocks(-1, -1) : ranges.getLast();
    if (last.to == from || ranges.size() == MAX_RANGES) {
      ranges.set(ranges.size() - 1, new Blocks(last.from, Math.max(last.to, to)));
    } else {
      ranges.add(new Blocks(from, to));
    }
  }

  Iterable<DamagedFile> files() {
    return files.values();
  }

  /** How many damaged places lie in files that are not listed. */
  long more() {
    return more + moreOfRuns;
  }
}
