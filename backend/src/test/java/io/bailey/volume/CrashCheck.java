package io.bailey.volume;

import io.bailey.io.FaultyFiles;
import io.bailey.io.SimulatedHost;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Starts a store after a crash, and holds it against what may be left.
 *
 * @param killed whether memory is still there, and only the process died
 */
record CrashCheck(SimulatedHost host, StoreModel.Left left, boolean killed, Random random) {

  /** Opens the store, checks all of it, uses it, and leaves it as a dead process would. */
  void run() throws IOException {
    openAndCheck();
  }

  /** The same, and then once more after a power cut. */
  void runAndCutAgain() throws IOException {
    StoreModel.Left then = openAndCheck();
    host.becomePowerless(host.state().disk().cut(random));
    new CrashCheck(host, then, false, random).run();
  }

  private StoreModel.Left openAndCheck() throws IOException {
    Store store = Workload.open(host);
    try {
      left.checkNames(store, killed);
      for (Volume volume : store.volumes()) {
        left.checkVolume(volume, killed);
      }
      List<Image> images = store.images();
      if (!images.isEmpty()) {
        checkImage(store, images.get(random.nextInt(images.size())).name());
      }
      return use(store);
    } finally {
      abandon(host, store);
    }
  }

  private void checkImage(Store store, ImageName image) throws IOException {
    String name = "fork";
    for (String known : left.volumeNames()) {
      if (store.volume(known).isEmpty()) {
        // A name that isn't taken is free, whatever had it once.
        name = known;
      }
    }
    VolumeSpec spec = new VolumeSpec(Optional.of(image), 0, Durability.NONE);
    left.checkFork(store.createVolume(name, spec), image);
    store.removeVolume(name);
  }

  private StoreModel.Left use(Store store) throws IOException {
    List<Volume> volumes = store.volumes();
    if (volumes.isEmpty()) {
      VolumeSpec spec = new VolumeSpec(Optional.empty(), StoreModel.BYTES, Durability.FLUSH);
      store.removeVolume(store.createVolume("new", spec).name());
      return left;
    }
    Volume volume = volumes.get(random.nextInt(volumes.size()));
    byte[] expected = StoreModel.read(volume);
    int block = random.nextInt(StoreModel.BLOCKS - 1);
    byte[] bytes = new byte[StoreModel.BLOCK];
    random.nextBytes(bytes);
    volume.write((long) block * StoreModel.BLOCK, bytes, 0, bytes.length);
    volume.flush();
    System.arraycopy(bytes, 0, expected, block * StoreModel.BLOCK, bytes.length);
    if (!Arrays.equals(StoreModel.read(volume), expected)) {
      throw new AssertionError("a write after the recovery is lost");
    }
    return left.flushed(volume.name(), expected);
  }

  /** Ends a store without any call reaching its files, and gives back what the process holds. */
  static void abandon(SimulatedHost host, Store store) {
    host.files()
        .fault(
            (call, path) -> {
              throw FaultyFiles.failure(Kind.IO, call, path);
            });
    try {
      store.close();
    } catch (IOException e) {
      // It says that it couldn't write.
    }
    host.files().heal();
  }
}
