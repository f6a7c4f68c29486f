package io.bailey.volume;

import java.util.List;
import java.util.Optional;

/**
 * What a check of a store found.
 *
 * @param checked the images and volumes that were checked
 * @param damage one entry a damaged file, at most {@link #MAX_DAMAGE}
 * @param moreDamage damaged places in files that are not listed
 * @param files files of images and volumes that were read
 * @param bytes bytes read of them
 * @param journalRecords whole records in the journal
 * @param garbage files that nothing needs; no damage
 */
public record CheckReport(
    List<Checked> checked,
    List<Damage> damage,
    long moreDamage,
    long files,
    long bytes,
    long journalRecords,
    List<String> garbage) {
  /** Damaged files that are listed one by one. */
  public static final int MAX_DAMAGE = 1000;

  /** What a name stands for. */
  public enum Kind {
    IMAGE,
    VOLUME
  }

  /** Whether every byte is what was written, now that damaged files are repaired. */
  public boolean whole() {
    return damage.stream().allMatch(Damage::repaired) && moreDamage == 0;
  }

  /**
   * An image or a volume.
   *
   * @param size bytes of the disk; 0 where its root can't be read
   * @param whole whether all files that it needs are
   */
  public record Checked(Kind kind, String name, long size, boolean whole) {}

  /**
   * A damaged file.
   *
   * @param file its path
   * @param offset of the first damaged place, in bytes; -1: the file as a whole
   * @param what that place, in a line
   * @param places how many damaged places it has
   * @param hits the images and volumes that need the file, as far as the report has room
   * @param repaired whether the file is whole now
   * @param repairFailure why it isn't, where a repair was tried
   */
  public record Damage(
      String file,
      long offset,
      String what,
      long places,
      List<Hit> hits,
      boolean repaired,
      Optional<String> repairFailure) {}

  /**
   * An image or volume that a damaged file belongs to.
   *
   * @param ranges of the disk that can't be read for it, as one where they are many; none where
   *     newer writes hide the damage, or nobody can tell
   */
  public record Hit(Kind kind, String name, List<Range> ranges) {}

  /** Bytes of a disk, the end not included. */
  public record Range(long from, long to) {}
}
