package io.bailey.journal;

import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongPredicate;

/**
 * Reads the log past its owner, changes nothing, and opens every record of the volumes that still
 * are. A record that isn't whole at the log's end is how a power cut leaves one, and no damage;
 * before a record that is whole, or at the end of a segment that another follows, it is. One
 * thread.
 */
public final class JournalChecker {
  private static final long NONE = -1;

  private final HostFiles files;
  private final KeyRing keys;
  private final LongPredicate known;
  private final Listener listener;
  private final List<Damage> found = new ArrayList<>();
  private long records;

  private record Damage(Path segment, long offset, long volume, String what) {}

  /** Hears what a check finds: volume 0 where nobody can tell whose record it is. */
  @FunctionalInterface
  public interface Listener {
    void damage(Path segment, long offset, long volume, String what);
  }

  /**
   * A checker.
   *
   * @param known whether a volume of that number still is; the records of others are needed by none
   */
  public JournalChecker(HostFiles files, KeyRing keys, LongPredicate known, Listener listener) {
    this.files = files;
    this.keys = keys;
    this.known = known;
    this.listener = listener;
  }

  /** Checks all segments of a directory; returns how many records they have. */
  public long check(Path directory) throws IOException {
    List<String> names =
        files.list(directory).stream().filter(Journal::isSegment).sorted().toList();
    Map<Long, Long> ends = ends(directory, names);
    for (String name : names) {
      Path path = directory.resolve(name);
      try (HostFile file = files.open(path)) {
        check(new Segment(Journal.number(name), path, file, 0), name.equals(names.getLast()), ends);
        // One that was let go of meanwhile has another name before anything is written over it.
        if (files.exists(path)) {
          found.forEach(d -> listener.damage(d.segment, d.offset, d.volume, d.what));
        }
      } catch (StorageException e) {
        // Its last volume may have let go of it since the directory was read.
        if (e.kind() != Kind.NOT_FOUND) {
          listener.damage(path, 0, 0, String.valueOf(e.getMessage()));
        }
      }
      found.clear();
    }
    return records;
  }

  /** Where the log ends in segments that others follow, which then get no more records. */
  private Map<Long, Long> ends(Path directory, List<String> names) throws IOException {
    Map<Long, Long> ends = new HashMap<>();
    for (String name : names) {
      Path path = directory.resolve(name);
      try (HostFile file = files.open(path)) {
        SegmentHeader.read(new Segment(Journal.number(name), path, file, 0))
            .ifPresent(header -> ends.put(header.before(), header.beforeEnd()));
      } catch (StorageException e) {
        // It is told of when its records are read.
      }
    }
    return ends;
  }

  private void check(Segment segment, boolean newest, Map<Long, Long> ends) throws IOException {
    Path path = segment.path();
    long before = records;
    long end = checkRecords(segment);
    // After its records: a segment gets its header when the first is appended.
    Optional<SegmentHeader> header = SegmentHeader.read(segment);
    if (header.isEmpty() && (!newest || records > before)) {
      add(path, 0, "the header of " + path + " is damaged");
    }
    boolean emptied = header.filter(SegmentHeader::emptied).isPresent();
    long logEnd = emptied ? end : ends.getOrDefault(segment.number(), end);
    if (end < logEnd) {
      add(path, end, isntWhole(end, path) + " the log goes on to offset " + logEnd);
    }
  }

  private static String isntWhole(long offset, Path path) {
    return "record at offset " + offset + " of " + path + " isn't whole, but";
  }

  private void add(Path segment, long offset, String what) {
    found.add(new Damage(segment, offset, 0, what));
  }

  /** Checks all records; returns where the last whole one ends. */
  private long checkRecords(Segment segment) throws IOException {
    Path path = segment.path();
    SegmentScan scan = new SegmentScan(segment);
    long torn = NONE;
    long beforeTorn = 0;
    long lookedAgain = NONE;
    while (true) {
      RecordHeader header = scan.next();
      if (header == null || !scan.follows(header)) {
        if (torn == NONE) {
          torn = scan.at();
          beforeTorn = scan.before();
        }
        header = header == null ? scan.nextAnywhere() : header;
      }
      if (header == null) {
        return torn;
      }
      if (torn != NONE && torn != lookedAgain) {
        // Both may have been appended since.
        lookedAgain = torn;
        scan.goBack(torn, beforeTorn);
        torn = NONE;
        continue;
      }
      if (torn != NONE) {
        add(path, torn, isntWhole(torn, path) + " a later one is");
        torn = NONE;
      }
      if (scan.isWhole(header)) {
        open(path, new Batch(segment, header, null), header.links().offset(), segment);
        records++;
      } else {
        torn = header.links().offset();
        beforeTorn = header.links().before();
      }
      scan.accept(header);
    }
  }

  private void open(Path path, Batch batch, long at, Segment segment) throws IOException {
    if (!known.test(batch.volume())) {
      return;
    }
    try {
      Epoch epoch = batch.epoch(keys);
      batch.open(epoch, new ValueCheck(segment, epoch, batch.where()));
    } catch (StorageException e) {
      found.add(new Damage(path, at, batch.volume(), String.valueOf(e.getMessage())));
    }
  }

  /**
   * Opens every value of a batch; kind {@code DAMAGED} for the first that isn't what was sealed.
   */
  private record ValueCheck(Segment segment, Epoch epoch, String where) implements Batch.Visitor {
    @Override
    public void value(long block, long place, int size, long counter, byte[] tags, int tag)
        throws IOException {
      Codec codec = Codec.borrow();
      try {
        byte[] sealed = codec.sealed(size + Aead.TAG_BYTES);
        segment.read(Journal.offset(place), sealed, 0, size);
        byte[] plain = new byte[Codec.BLOCK_BYTES];
        if (!codec.openBlock(epoch, counter, sealed, 0, size, tags, tag, plain, 0)) {
          throw new StorageException(
              Kind.DAMAGED, where + " has a damaged value of block " + block);
        }
      } finally {
        codec.giveBack();
      }
    }

    @Override
    public void zeros(long block, long blocks) {}
  }
}
