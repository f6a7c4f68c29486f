package io.bailey.volume;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.SimulatedHost;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * A store in use: writes, flushes, trims, zeroes, checkpoints, merges, commits, forks, deletions
 * and reopenings, as a seed decides, beside a {@link StoreModel}. All in one thread, and what the
 * store does in the background is waited for, so that the same seed makes the same calls.
 */
final class Workload implements AutoCloseable {
  /** Little, so that opening a store is quick. */
  static final long BUDGET = 32L << 20;

  private static final int MAX_VOLUMES = 4;
  private static final int MAX_IMAGES = 3;

  final StoreModel model = new StoreModel();
  private final Opener opener;
  private final FaultyFiles files;
  private final Random random;

  /** Of 100 steps: more flushes leave less to lose, fewer make longer records. */
  private final int flushes;

  private Store store;

  /** Hears of each moment at which the process or the power may end. */
  @FunctionalInterface
  interface Observer {
    void moment(String what) throws IOException;
  }

  /** Opens the store that is worked on. */
  @FunctionalInterface
  interface Opener {
    Store open() throws IOException;
  }

  Workload(SimulatedHost host, long seed) throws IOException {
    this(() -> open(host), host.files(), seed);
  }

  /**
   * @param files of the store
   */
  Workload(Opener opener, FaultyFiles files, long seed) throws IOException {
    this.opener = opener;
    this.files = files;
    this.random = new Random(seed);
    this.flushes = 4 + random.nextInt(16);
    this.store = opener.open();
  }

  /** Opens a host's store, and returns when it is at rest. */
  static Store open(SimulatedHost host) throws IOException {
    StoreOptions options = new StoreOptions(host.storeDirectory(), host.memoryDirectory(), BUDGET);
    Store store = Store.open(options, host.files());
    store.awaitCollection();
    return store;
  }

  /**
   * Calls before each call of this thread that changes something, from now on. Other threads of the
   * store make some too, while this one goes on: there a state would be of no one moment.
   */
  static void observe(SimulatedHost host, Observer observer) {
    String[] last = {""};
    Thread only = Thread.currentThread();
    host.files()
        .fault(
            (call, path) -> {
              if (Thread.currentThread() != only) {
                return;
              }
              String what = call + " of " + shortName(path);
              // Making a buffer's memory takes many writes that are all one.
              boolean again = path.startsWith(host.memoryDirectory()) && what.equals(last[0]);
              boolean changesNothing =
                  (call == Call.MAKE_DIRECTORY && host.exists(path))
                      || (call == Call.DELETE && !host.exists(path));
              if (call.isMutating() && !again && !changesNothing) {
                last[0] = what;
                observer.moment(what);
              }
            });
  }

  private static String shortName(Path path) {
    int count = path.getNameCount();
    return path.subpath(Math.max(0, count - 2), count).toString();
  }

  /** Does one thing. */
  void step() throws IOException {
    int kind = random.nextInt(100);
    List<String> volumes = model.volumeNames();
    if (volumes.isEmpty() || (kind < 4 && volumes.size() < MAX_VOLUMES)) {
      create();
    } else if (kind < 5) {
      remove(any(volumes));
    } else if (kind < 8) {
      commit(any(volumes));
    } else if (kind < 9 && !model.imageNames().isEmpty()) {
      removeImage(any(model.imageNames()));
    } else if (kind < 11) {
      reopen();
    } else if (kind < 16) {
      checkpoint(any(volumes));
    } else if (kind < 16 + flushes) {
      flush(any(volumes));
    } else {
      change(any(volumes));
    }
  }

  private <T> T any(List<T> things) {
    return things.get(random.nextInt(things.size()));
  }

  private String unused(String prefix, List<String> used) {
    String name = prefix + random.nextInt(6);
    return used.contains(name) ? unused(prefix, used) : name;
  }

  private void create() throws IOException {
    String name = unused("v", model.volumeNames());
    Durability durability =
        switch (random.nextInt(8)) {
          case 0 -> Durability.NONE;
          case 1 -> Durability.EVERY_WRITE;
          default -> Durability.FLUSH;
        };
    Optional<ImageName> from =
        model.imageNames().isEmpty() || random.nextInt(3) == 0
            ? Optional.empty()
            : Optional.of(any(model.imageNames()));
    model.creating(name, durability, from);
    store.createVolume(
        name, new VolumeSpec(from, from.isPresent() ? 0 : StoreModel.BYTES, durability));
    model.created(name);
  }

  private void remove(String name) throws IOException {
    model.removing(name);
    store.removeVolume(name);
    model.removed(name);
  }

  private void commit(String name) throws IOException {
    List<String> used = model.imageNames().stream().map(ImageName::toString).toList();
    if (used.size() == MAX_IMAGES) {
      return;
    }
    // So that no merge goes on beside the commit.
    checkpoint(name);
    ImageName image = ImageName.parse(unused("i:", used));
    model.committing(name, image);
    store.commit(name, image);
    model.committed(image);
  }

  private void removeImage(ImageName image) throws IOException {
    model.removingImage(image);
    store.removeImage(image);
    model.removedImage(image);
  }

  private void reopen() throws IOException {
    store.close();
    model.closed();
    store = opener.open();
  }

  private void checkpoint(String name) throws IOException {
    Volume volume = volume(name);
    volume.checkpoint();
    volume.merge();
  }

  private void flush(String name) throws IOException {
    volume(name).flush();
    model.flushed(name);
  }

  private void change(String name) throws IOException {
    int unit = random.nextInt(4) > 0 ? StoreModel.BLOCK : 512;
    int length = unit * (1 + random.nextInt(5));
    int offset = unit * random.nextInt((StoreModel.BYTES - length) / unit + 1);
    if (random.nextInt(12) == 0) {
      length = StoreModel.BYTES - offset;
    }
    int kind = random.nextInt(10);
    if (kind == 0) {
      model.trimming(name, offset, length);
      volume(name).trim(offset, length);
    } else if (kind == 1) {
      model.zeroing(name, offset, length);
      volume(name).zero(offset, length, random.nextBoolean());
    } else {
      byte[] bytes = content(length);
      model.writing(name, offset, bytes);
      volume(name).write(offset, bytes, 0, length);
    }
    model.acknowledged(name);
  }

  /** Bytes that compress well, mostly. */
  private byte[] content(int length) {
    byte[] bytes = new byte[length];
    if (random.nextInt(4) == 0) {
      random.nextBytes(bytes);
    } else {
      for (int at = 0; at < length; at += 64) {
        bytes[at] = (byte) random.nextInt();
      }
    }
    return bytes;
  }

  private Volume volume(String name) {
    return store.volume(name).orElseThrow();
  }

  @Override
  public void close() throws IOException {
    files.heal();
    store.close();
  }
}
