package io.bailey.bench;

import io.bailey.volume.Durability;
import io.bailey.volume.ImageName;
import io.bailey.volume.Store;
import io.bailey.volume.StoreOptions;
import io.bailey.volume.Volume;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * A fresh process that does one thing to a store and says what it took. Lines on standard output:
 *
 * <pre>
 * progress DONE TOTAL
 * millis NAME TIME...
 * </pre>
 */
final class ScaleProcess {
  private static final ImageName IMAGE = new ImageName("large", "latest");
  private static final int LOG_BATCH = 32;
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private final Path memory;
  private final StoreOptions options;

  private ScaleProcess(Path store, Path memory, long memoryBudgetBytes) {
    this.memory = memory;
    this.options = new StoreOptions(store, memory, memoryBudgetBytes);
  }

  /** Takes: store, memory directory, memory budget, what to do, numbers for it. */
  public static void main(String[] arguments) throws IOException {
    ScaleProcess process =
        new ScaleProcess(
            Path.of(arguments[0]), Path.of(arguments[1]), Long.parseLong(arguments[2]));
    long[] numbers = Arrays.stream(arguments).skip(4).mapToLong(Long::parseLong).toArray();
    switch (arguments[3]) {
      case "fork" -> process.fork(numbers[0], numbers[1], (int) numbers[2], (int) numbers[3]);
      case "fill" -> process.fill((int) numbers[0], (int) numbers[1]);
      case "open" -> process.open((int) numbers[0]);
      case "log" -> process.log((int) numbers[0], numbers[1]);
      case "recover" -> process.recover((int) numbers[0]);
      case "large" -> process.large(numbers[0]);
      default -> throw new IllegalArgumentException("unknown: " + arguments[3]);
    }
  }

  private static void millis(String name, double... times) {
    StringBuilder line = new StringBuilder("millis ").append(name);
    for (double time : times) {
      line.append(String.format(Locale.ROOT, " %.4f", time));
    }
    OUT.println(line);
  }

  private static double millisSince(long nanos) {
    return (System.nanoTime() - nanos) / 1e6;
  }

  /** Imports an image and forks it again and again; says what each fork of a series took. */
  private void fork(long size, long filled, int forks, int repeat) throws IOException {
    try (Store store = Store.open(options)) {
      try (SparseDisk disk = new SparseDisk(size, filled)) {
        store.importImage(IMAGE, disk, (done, total) -> progress(done, total));
      }
      for (int i = 0; i < repeat; i++) {
        for (Durability durability : new Durability[] {Durability.NONE, Durability.FLUSH}) {
          double[] times = new double[forks];
          for (int fork = 0; fork < forks; fork++) {
            VolumeSpec spec = new VolumeSpec(Optional.of(IMAGE), 0, durability);
            long began = System.nanoTime();
            store.createVolume("fork-" + fork, spec);
            times[fork] = millisSince(began);
          }
          millis(durability.name(), times);
          for (int fork = 0; fork < forks; fork++) {
            store.removeVolume("fork-" + fork);
          }
        }
      }
    }
  }

  private static void progress(long done, long total) {
    OUT.println("progress " + done + " " + total);
  }

  /** Makes durable volumes with so many bytes in each. */
  private void fill(int volumes, int bytes) throws IOException {
    try (Store store = Store.open(options)) {
      byte[] block = new byte[Pattern.BLOCK_BYTES];
      for (int i = 0; i < volumes; i++) {
        Volume volume =
            store.createVolume(
                "volume-" + i, new VolumeSpec(Optional.empty(), 1L << 30, Durability.FLUSH));
        for (int at = 0; at < bytes; at += block.length) {
          long number = (long) i * volumes + at / block.length;
          Pattern.fill(number, 1, block, 0);
          volume.write((number * 7919 % (1 << 18)) * block.length, block, 0, block.length);
        }
        progress(i + 1, volumes);
      }
    }
  }

  /** Opens a store as a daemon does at its start, when it has its loggers. */
  private void open(int volumes) throws IOException {
    System.getLogger(ScaleProcess.class.getName()).log(System.Logger.Level.DEBUG, "opening");
    long began = System.nanoTime();
    try (Store store = Store.open(options)) {
      millis("open", millisSince(began));
      if (store.volumes().size() != volumes) {
        throw new IOException("the store has " + store.volumes().size() + ", not " + volumes);
      }
    }
  }

  /** Has durable volumes write and flush until the log has so many bytes, and dies. */
  private void log(int volumes, long bytes) throws IOException {
    Store store = Store.open(options);
    List<Volume> all = new ArrayList<>();
    for (int i = 0; i < volumes; i++) {
      all.add(
          store.createVolume(
              "volume-" + i, new VolumeSpec(Optional.empty(), 64L << 20, Durability.FLUSH)));
    }
    SplittableRandom random = new SplittableRandom(1);
    byte[] block = new byte[Pattern.BLOCK_BYTES];
    byte[] noise = new byte[block.length / 2];
    long written = 0;
    for (long appended = 0; written < bytes; appended += 2L * LOG_BATCH * noise.length * volumes) {
      if (appended > 8 * bytes) {
        throw new IOException(
            "volumes are sorted before they have so long a log: give a larger --memory, or a"
                + " smaller --log");
      }
      written = 0;
      for (Volume volume : all) {
        for (int i = 0; i < LOG_BATCH; i++) {
          random.nextBytes(noise);
          System.arraycopy(noise, 0, block, 0, noise.length);
          volume.write(
              random.nextLong(volume.size() / block.length) * block.length, block, 0, block.length);
        }
        volume.flush();
        written += volume.stats().journalBytes();
      }
      progress(Math.min(written, bytes), bytes);
    }
    Runtime.getRuntime().halt(0);
  }

  /** Opens the store without what lay in memory, and dies: nothing is sorted, the log stays. */
  private void recover(int number) throws IOException {
    Path empty = memory.resolve("cut" + number);
    System.getLogger(ScaleProcess.class.getName()).log(System.Logger.Level.DEBUG, "opening");
    long began = System.nanoTime();
    Store store =
        Store.open(new StoreOptions(options.directory(), empty, options.memoryBudgetBytes()));
    millis("open", millisSince(began));
    if (store.volumes().isEmpty()) {
      throw new IOException("the store has no volumes");
    }
    Runtime.getRuntime().halt(0);
  }

  /** Makes a volume as large as can be, writes at its end, and reads that after another start. */
  private void large(long size) throws IOException {
    byte[] written = BenchBlocks.block(1, 1);
    byte[] read = new byte[written.length];
    long end = size - written.length;
    try (Store store = Store.open(options)) {
      long began = System.nanoTime();
      Volume volume =
          store.createVolume("large", new VolumeSpec(Optional.empty(), size, Durability.FLUSH));
      millis("create", millisSince(began));
      began = System.nanoTime();
      volume.write(end, written, 0, written.length);
      millis("write", millisSince(began));
      began = System.nanoTime();
      volume.flush();
      millis("flush", millisSince(began));
    }
    long began = System.nanoTime();
    try (Store store = Store.open(options)) {
      millis("open", millisSince(began));
      began = System.nanoTime();
      store.volume("large").orElseThrow().read(end, read, 0, read.length);
      millis("read", millisSince(began));
    }
    if (!Arrays.equals(written, read)) {
      throw new IOException(
          "the end of the disk of " + size + " bytes doesn't hold what it should");
    }
  }
}
