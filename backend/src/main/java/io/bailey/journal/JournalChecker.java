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
import java.util.List;
import java.util.function.LongPredicate;

/**
 * Reads the log past its owner, changes nothing, and opens every record of the volumes that still
 * are. A record that isn't whole at a segment's end is how a power cut leaves one, and no damage;
 * before a record that is whole it is, for recovery ends there. One thread.
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
        files.list(directory).stream().filter(n -> n.matches("[0-9]{12}\\.log")).sorted().toList();
    for (String name : names) {
      Path path = directory.resolve(name);
      try (HostFile file = files.open(path)) {
        checkSegment(Long.parseLong(name.substring(0, 12)), path, file);
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

  private void checkSegment(long number, Path path, HostFile file) throws IOException {
    Segment segment = new Segment(number, path, file, 0);
    SegmentScan scan = new SegmentScan(segment);
    long torn = NONE;
    while (true) {
      RecordHeader header = scan.next();
      if (header == null || !scan.follows(header)) {
        torn = torn == NONE ? scan.at() : torn;
        header = header == null ? scan.nextAnywhere() : header;
      }
      if (header == null) {
        return;
      }
      if (torn != NONE) {
        String what =
            "record at offset " + torn + " of " + path + " isn't whole, but a later one is";
        found.add(new Damage(path, torn, 0, what));
        torn = NONE;
      }
      if (scan.isWhole(header)) {
        open(path, new Batch(segment, header, null), header.links().offset(), segment);
        records++;
      } else {
        torn = header.links().offset();
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
