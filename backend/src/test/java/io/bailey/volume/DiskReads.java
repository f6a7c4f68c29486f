package io.bailey.volume;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What reads of damaged volumes give, beside what a check says of them. */
final class DiskReads {
  private static final int BLOCK_BYTES = 4096;
  private static final Set<Kind> EIO = Set.of(Kind.DAMAGED, Kind.TOO_NEW, Kind.IO);

  private DiskReads() {}

  /** Reads every block of volumes and returns those that fail, as {@code "volume block"}. */
  static Set<String> failures(Store store, Map<String, byte[]> model, String what)
      throws IOException {
    Set<String> failed = new TreeSet<>();
    for (Map.Entry<String, byte[]> disk : model.entrySet()) {
      Optional<Volume> volume = store.volume(disk.getKey());
      for (long block = 0; block < disk.getValue().length / BLOCK_BYTES; block++) {
        if (volume.isEmpty() || !read(volume.get(), block, disk.getValue(), what)) {
          failed.add(disk.getKey() + " " + block);
        }
      }
    }
    return failed;
  }

  /** Reads a block; false if it is damaged, and a failure if it is wrong. */
  static boolean read(Volume volume, long block, byte[] disk, String what) throws IOException {
    byte[] bytes = new byte[BLOCK_BYTES];
    try {
      volume.read(block * BLOCK_BYTES, bytes, 0, bytes.length);
    } catch (StorageException e) {
      return damaged(e, what);
    }
    return right(block, bytes, disk, what + ": " + volume.name());
  }

  static boolean damaged(StorageException e, String what) {
    if (!EIO.contains(e.kind())) {
      throw new AssertionError(what, e);
    }
    return false;
  }

  static boolean right(long block, byte[] bytes, byte[] disk, String what) {
    int at = (int) block * BLOCK_BYTES;
    if (!Arrays.equals(bytes, 0, BLOCK_BYTES, disk, at, at + BLOCK_BYTES)) {
      throw new AssertionError("wrong bytes of block " + block + ": " + what);
    }
    return true;
  }

  /** The blocks of volumes that a report says can't be read, likewise. */
  static Set<String> hits(CheckReport report, Map<String, byte[]> model) {
    Set<String> hits = new TreeSet<>();
    for (CheckReport.Damage damage : report.damage()) {
      for (CheckReport.Hit hit : damage.hits()) {
        if (hit.kind() == CheckReport.Kind.VOLUME) {
          for (CheckReport.Range range : hit.ranges()) {
            // A root that can't be read doesn't say how large the disk is.
            long to = range.to() == 0 ? model.get(hit.name()).length : range.to();
            for (long at = range.from(); at < to; at += BLOCK_BYTES) {
              hits.add(hit.name() + " " + at / BLOCK_BYTES);
            }
          }
        }
      }
    }
    return hits;
  }
}
