package io.bailey.volume;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a store holds, as plain arrays: of every volume all that was ever written, in order, and how
 * much of it was acknowledged and flushed. From that follows what may be left after a crash: of
 * each volume what a prefix of its writes makes, at least the flushed ones (after a power cut) or
 * the acknowledged ones (after the death of the process); of each image its content.
 *
 * <p>A write of several blocks counts as one write per block, in their order. One thread.
 */
final class StoreModel {
  static final int BLOCK = 4096;
  static final int BLOCKS = 16;

  /** Not a whole number of blocks. */
  static final int BYTES = BLOCKS * BLOCK - 3 * 512;

  private static final byte[] ZEROS = new byte[BLOCK];

  private final Map<String, Disk> volumes = new TreeMap<>();
  private final Map<ImageName, Content> images = new TreeMap<>();

  /** Whether the thing is there; what is being made or removed may be. */
  enum Presence {
    THERE,
    MAYBE,
    GONE
  }

  private record Step(int block, byte[] bytes) {}

  /** A disk's blocks. */
  private record Content(byte[][] blocks, Presence presence) {}

  private static final class Disk {
    final Durability durability;
    final byte[][] base;
    final byte[][] now;

    /** Only ever added to, so that moments can share it, also while other threads check them. */
    final List<Step> steps = Collections.synchronizedList(new ArrayList<>());

    int acknowledged;
    int flushed;
    Presence presence = Presence.MAYBE;

    Disk(Durability durability, byte[][] base) {
      this.durability = durability;
      this.base = base;
      this.now = base.clone();
    }

    void put(int block, byte[] bytes) {
      now[block] = bytes;
      steps.add(new Step(block, bytes));
    }
  }

  // What happens. Each begins before the store is asked, and ends with {@code done} methods.

  static byte[][] zeros() {
    byte[][] blocks = new byte[BLOCKS][];
    Arrays.fill(blocks, ZEROS);
    return blocks;
  }

  void creating(String name, Durability durability, Optional<ImageName> from) {
    byte[][] base = from.map(image -> images.get(image).blocks).orElseGet(StoreModel::zeros);
    volumes.put(name, new Disk(durability, base));
  }

  void created(String name) {
    volumes.get(name).presence = Presence.THERE;
  }

  void removing(String name) {
    volumes.get(name).presence = Presence.MAYBE;
  }

  void removed(String name) {
    volumes.get(name).presence = Presence.GONE;
  }

  void committing(String name, ImageName image) {
    images.put(image, new Content(volumes.get(name).now.clone(), Presence.MAYBE));
  }

  void committed(ImageName image) {
    images.put(image, new Content(images.get(image).blocks, Presence.THERE));
  }

  void removingImage(ImageName image) {
    images.put(image, new Content(images.get(image).blocks, Presence.MAYBE));
  }

  void removedImage(ImageName image) {
    images.put(image, new Content(images.get(image).blocks, Presence.GONE));
  }

  /** A write that may have happened from now on. */
  void writing(String name, int offset, byte[] bytes) {
    Disk disk = volumes.get(name);
    int at = 0;
    while (at < bytes.length) {
      int block = (offset + at) / BLOCK;
      int inBlock = (offset + at) % BLOCK;
      int length = Math.min(BLOCK - inBlock, bytes.length - at);
      byte[] next = disk.now[block].clone();
      System.arraycopy(bytes, at, next, inBlock, length);
      disk.put(block, next);
      at += length;
    }
  }

  void zeroing(String name, int offset, int length) {
    writing(name, offset, new byte[length]);
  }

  /** Only whole blocks, and the last of the disk. */
  void trimming(String name, int offset, int length) {
    int from = (offset + BLOCK - 1) / BLOCK;
    int to = offset + length == BYTES ? BLOCKS : (offset + length) / BLOCK;
    for (int block = from; block < to; block++) {
      volumes.get(name).put(block, ZEROS);
    }
  }

  void acknowledged(String name) {
    Disk disk = volumes.get(name);
    disk.acknowledged = disk.steps.size();
    if (disk.durability == Durability.EVERY_WRITE) {
      disk.flushed = disk.acknowledged;
    }
  }

  /** A write failed: as much of it was done as the volume holds now, and never more. */
  void failed(String name, byte[] bytes) {
    Disk disk = volumes.get(name);
    int done = left().prefix(name, bytes, disk.acknowledged);
    disk.steps.subList(done, disk.steps.size()).clear();
    disk.acknowledged = done;
    System.arraycopy(disk.base, 0, disk.now, 0, BLOCKS);
    disk.steps.forEach(step -> disk.now[step.block] = step.bytes);
  }

  void flushed(String name) {
    Disk disk = volumes.get(name);
    disk.flushed = disk.acknowledged;
  }

  /** The store was closed in good order. */
  void closed() {
    volumes.values().forEach(disk -> disk.flushed = disk.acknowledged);
  }

  private static byte[][] blocks(byte[] bytes) {
    byte[] whole = Arrays.copyOf(bytes, BLOCKS * BLOCK);
    byte[][] blocks = new byte[BLOCKS][];
    for (int i = 0; i < BLOCKS; i++) {
      blocks[i] = Arrays.copyOfRange(whole, i * BLOCK, (i + 1) * BLOCK);
    }
    return blocks;
  }

  // What there is

  List<String> volumeNames() {
    return volumes.keySet().stream()
        .filter(name -> volumes.get(name).presence == Presence.THERE)
        .toList();
  }

  List<ImageName> imageNames() {
    return images.keySet().stream()
        .filter(name -> images.get(name).presence == Presence.THERE)
        .toList();
  }

  Durability durability(String name) {
    return volumes.get(name).durability;
  }

  // What may be left

  private record DiskLeft(
      Durability durability,
      byte[][] base,
      List<Step> steps,
      int issued,
      int acknowledged,
      int flushed,
      Presence presence) {}

  /** What may be left of the store after a crash at one moment. */
  static final class Left {
    private final Map<String, DiskLeft> volumes = new TreeMap<>();
    private final Map<ImageName, Content> images = new TreeMap<>();

    /** Names that the store may have, or had once. */
    List<String> volumeNames() {
      return List.copyOf(volumes.keySet());
    }

    List<ImageName> imageNames() {
      return List.copyOf(images.keySet());
    }

    /**
     * What may be left after a crash between this moment and a later one that is at most one step
     * away: what was only done in between may be lost.
     */
    @SuppressWarnings("ReferenceEquality") // the same volume has the same list
    Left until(Left later) {
      Left between = new Left();
      later.volumes.forEach(
          (name, then) -> {
            DiskLeft now = volumes.get(name);
            boolean same = now != null && now.steps == then.steps;
            between.volumes.put(
                name,
                new DiskLeft(
                    then.durability,
                    then.base,
                    then.steps,
                    then.issued,
                    same ? now.acknowledged : 0,
                    same ? now.flushed : 0,
                    same && now.presence == then.presence ? now.presence : Presence.MAYBE));
          });
      later.images.forEach(
          (name, then) -> {
            Content now = images.get(name);
            boolean same = now != null && now.presence == then.presence;
            between.images.put(
                name, new Content(then.blocks, same ? then.presence : Presence.MAYBE));
          });
      return between;
    }

    /** Fails unless the store has the volumes and images that must be there, and no others. */
    void checkNames(Store store, boolean killed) {
      for (Volume volume : store.volumes()) {
        DiskLeft left = volumes.get(volume.name());
        if (left == null
            || left.presence == Presence.GONE
            || (!killed && left.durability == Durability.NONE)) {
          throw new AssertionError("volume " + volume.name() + " is there again");
        }
      }
      volumes.forEach(
          (name, left) -> {
            boolean must =
                left.presence == Presence.THERE && (killed || left.durability != Durability.NONE);
            if (must && store.volume(name).isEmpty()) {
              throw new AssertionError("volume " + name + " is gone: " + store.leftOut(name));
            }
          });
      for (Image image : store.images()) {
        Content content = images.get(image.name());
        if (content == null || content.presence == Presence.GONE) {
          throw new AssertionError("image " + image.name() + " is there again");
        }
      }
      images.forEach(
          (name, content) -> {
            if (content.presence == Presence.THERE && store.image(name).isEmpty()) {
              throw new AssertionError("image " + name + " is gone");
            }
          });
    }

    /** Fails unless a volume's bytes are what a prefix of its writes makes that is long enough. */
    void checkVolume(Volume volume, boolean killed) throws IOException {
      DiskLeft left = volumes.get(volume.name());
      prefix(volume.name(), read(volume), killed ? left.acknowledged : left.flushed);
    }

    /** How many of a volume's writes, at least {@code from}, make these bytes; fails if none do. */
    private int prefix(String name, byte[] bytes, int from) {
      DiskLeft left = volumes.get(name);
      byte[][] expected = left.base.clone();
      for (int i = 0; i < from; i++) {
        Step step = left.steps.get(i);
        expected[step.block] = step.bytes;
      }
      Set<Integer> differing = new TreeSet<>();
      for (int block = 0; block < BLOCKS; block++) {
        if (!same(bytes, block, expected[block])) {
          differing.add(block);
        }
      }
      Set<Integer> atFirst = Set.copyOf(differing);
      int done = from;
      while (!differing.isEmpty() && done < left.issued) {
        Step step = left.steps.get(done++);
        if (same(bytes, step.block, step.bytes)) {
          differing.remove(step.block);
        } else {
          differing.add(step.block);
        }
      }
      if (!differing.isEmpty()) {
        throw new AssertionError(
            "volume %s holds what no prefix of at least %d of its %d writes makes: blocks %s are others after %d, %s after all"
                .formatted(name, from, left.issued, atFirst, from, differing));
      }
      return done;
    }

    /** Fails unless a volume that was forked from an image holds its content. */
    void checkFork(Volume fork, ImageName image) throws IOException {
      byte[] bytes = read(fork);
      Content content = images.get(image);
      for (int block = 0; block < BLOCKS; block++) {
        if (!same(bytes, block, content.blocks[block])) {
          throw new AssertionError("block " + block + " of image " + image + " is wrong");
        }
      }
    }

    /** What may be left of the same store after one more crash, a volume having been flushed. */
    Left flushed(String name, byte[] bytes) {
      Left next = new Left();
      next.volumes.putAll(volumes);
      next.images.putAll(images);
      DiskLeft before = volumes.get(name);
      next.volumes.put(
          name, new DiskLeft(before.durability, blocks(bytes), List.of(), 0, 0, 0, Presence.THERE));
      return next;
    }

    Durability durability(String name) {
      return volumes.get(name).durability;
    }

    private static boolean same(byte[] disk, int block, byte[] expected) {
      int end = Math.min(BYTES, (block + 1) * BLOCK);
      return Arrays.equals(disk, block * BLOCK, end, expected, 0, end - block * BLOCK);
    }
  }

  static byte[] read(Volume volume) throws IOException {
    byte[] bytes = new byte[BYTES];
    volume.read(0, bytes, 0, BYTES);
    return bytes;
  }

  /** What may be left if it all ends now. */
  Left left() {
    Left left = new Left();
    volumes.forEach(
        (name, d) ->
            left.volumes.put(
                name,
                new DiskLeft(
                    d.durability,
                    d.base,
                    d.steps,
                    d.steps.size(),
                    d.acknowledged,
                    d.flushed,
                    d.presence)));
    left.images.putAll(images);
    return left;
  }
}
