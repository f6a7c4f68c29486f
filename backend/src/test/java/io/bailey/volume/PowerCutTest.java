package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.FaultyFiles;
import io.bailey.io.LoopDisk;
import io.bailey.io.QuietLog;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Workloads on a real file system whose power is cut, at any moment or right after a volume or
 * image came or went. {@code -Dbailey.cuts=50} makes it a campaign, {@code -Dbailey.seed} another
 * one: a failure names the seed of its workload. Needs root, to mount.
 */
@Tag("slow")
final class PowerCutTest {
  private static final int CUTS = Integer.getInteger("bailey.cuts", 10);
  private static final long SEED = Long.getLong("bailey.seed", 1);
  private static final int STEPS = 80;

  /** Without syncs of directories a third of the cuts or so lose something. */
  private static final int MOST_CUTS_WITHOUT_SYNCS = 60;

  private final FaultyFiles files = new FaultyFiles();
  private int steps;

  private Store open(StoreOptions options) throws IOException {
    Store store = Store.open(options, files);
    store.awaitCollection();
    return store;
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs"})
  void noFlushedWriteIsLost_andOfTheRestAPrefixIsLeft(String kind) throws Exception {
    try (QuietLog _ = new QuietLog();
        LoopDisk disk = new LoopDisk(kind)) {
      long began = System.nanoTime();
      for (long seed = SEED; seed < SEED + CUTS; seed++) {
        Optional<Throwable> loss = lossAfterCut(disk, seed);
        if (loss.isPresent()) {
          throw new AssertionError(
              kind + ", workload " + seed + ": again with -Dbailey.cuts=1 -Dbailey.seed=" + seed,
              loss.get());
        }
      }
      System.out.printf(
          "%s: %d power cuts, workloads from %d, %d steps, in %d s%n",
          kind, CUTS, SEED, steps, (System.nanoTime() - began) / 1_000_000_000);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs"})
  void withoutSyncsOfDirectoriesALossIsSeen(String kind) throws Exception {
    files.skipDirectorySyncs();
    List<String> losses = new ArrayList<>();
    try (QuietLog _ = new QuietLog();
        LoopDisk disk = new LoopDisk(kind)) {
      for (long seed = 1; losses.isEmpty() && seed <= MOST_CUTS_WITHOUT_SYNCS; seed++) {
        String cut = "cut " + seed + ": ";
        lossAfterCut(disk, seed).ifPresent(loss -> losses.add(cut + loss.getMessage()));
      }
    }
    System.out.println(kind + " without syncs of directories: " + losses);
    assertThat(losses).isNotEmpty();
  }

  /**
   * Makes a store, works on it, cuts the power and opens it again; returns what was lost. What goes
   * wrong before the power is back is no loss, and thrown.
   */
  private Optional<Throwable> lossAfterCut(LoopDisk disk, long seed) throws Exception {
    Random random = new Random(seed);
    Path top = Files.createDirectory(disk.directory().resolve("work-" + seed));
    Path memory = Files.createTempDirectory(Path.of("/dev/shm"), "bailey-test");
    StoreOptions options = new StoreOptions(top.resolve("a/store"), memory, Workload.BUDGET);
    try {
      StoreModel.Left left = workUntilCut(disk, options, seed, random);
      turnOn(disk, memory);
      Optional<Throwable> loss = loss(disk, options, memory, left, random);
      if (loss.isEmpty()) {
        deleteTree(top);
      }
      return loss;
    } finally {
      deleteTree(memory);
    }
  }

  private Optional<Throwable> loss(
      LoopDisk disk, StoreOptions options, Path memory, StoreModel.Left left, Random random)
      throws Exception {
    try {
      if (random.nextBoolean()) {
        Store store = open(options);
        try {
          check(store, left);
        } finally {
          disk.cut();
          closeWithoutDisk(store);
        }
        turnOn(disk, memory);
      }
      try (Store store = open(options)) {
        check(store, left);
      }
      TestStore.checkWhole(files, options.directory(), memory);
    } catch (StorageException | AssertionError e) {
      return Optional.of(e);
    }
    return Optional.empty();
  }

  private StoreModel.Left workUntilCut(
      LoopDisk disk, StoreOptions options, long seed, Random random) throws Exception {
    Workload workload = new Workload(() -> open(options), files, seed);
    int least = random.nextInt(STEPS);
    for (int i = 0; i < least; i++) {
      step(workload);
    }
    StoreModel.Left left;
    if (random.nextBoolean()) {
      List<?> names = names(workload);
      while (names.equals(names(workload))) {
        step(workload);
      }
      disk.cut();
      left = workload.model.left();
    } else {
      left = cutDuringSteps(workload, disk);
    }
    closeWithoutDisk(workload);
    return left;
  }

  private void step(Workload workload) throws IOException {
    workload.step();
    steps++;
  }

  private static List<?> names(Workload workload) {
    return List.of(workload.model.volumeNames(), workload.model.imageNames());
  }

  /**
   * Cuts the power while another thread works. The kernel may still call the step a success during
   * which that happens, which nobody would hear of after a real cut.
   */
  private StoreModel.Left cutDuringSteps(Workload workload, LoopDisk disk) throws Exception {
    AtomicBoolean begun = new AtomicBoolean();
    FutureTask<Boolean> cut =
        new FutureTask<>(
            () -> {
              begun.set(true);
              disk.cut();
              return true;
            });
    StoreModel.Left before = workload.model.left();
    Thread.ofPlatform().start(cut);
    try {
      step(workload);
      while (!begun.get()) {
        before = workload.model.left();
        step(workload);
      }
    } catch (StorageException e) {
      // What was under way when the power went.
    }
    assertThat(cut.get()).isTrue();
    return before.until(workload.model.left());
  }

  private static void closeWithoutDisk(AutoCloseable store) {
    try {
      store.close();
    } catch (Exception e) {
      // It says that it couldn't write.
    }
  }

  private static void turnOn(LoopDisk disk, Path memory) throws IOException {
    deleteTree(memory);
    Files.createDirectory(memory);
    disk.powerOn();
  }

  private static void check(Store store, StoreModel.Left left) throws IOException {
    left.checkNames(store, false);
    for (Volume volume : store.volumes()) {
      left.checkVolume(volume, false);
    }
    for (Image image : store.images()) {
      VolumeSpec fork = new VolumeSpec(Optional.of(image.name()), 0, Durability.NONE);
      left.checkFork(store.createVolume("fork", fork), image.name());
      store.removeVolume("fork");
    }
  }

  private static void deleteTree(Path directory) throws IOException {
    if (Files.exists(directory)) {
      try (Stream<Path> all = Files.walk(directory)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}
