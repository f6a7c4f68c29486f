package io.bailey.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * The clients of a fleet: each writes random blocks at a rate, a few at a time, and flushes now and
 * then. One that falls behind writes on without a pause. Half of a block's bytes are zeros.
 */
final class FleetLoad {
  /** Writes that a client sends together. */
  static final int BURST = 8;

  static final int NOISY_DEPTH = 256;

  private final int writesPerSecond;
  private final int flushEvery;
  private final int seconds;
  private final long size;
  private final long seed;

  /** Writes answered in each second. */
  private final AtomicIntegerArray writes;

  FleetLoad(int writesPerSecond, int flushEvery, int seconds, long size, long seed) {
    this.writesPerSecond = writesPerSecond;
    this.flushEvery = flushEvery;
    this.seconds = seconds;
    this.size = size;
    this.seed = seed;
    this.writes = new AtomicIntegerArray(seconds + 1);
  }

  /** When a flush was answered, and how long that took. */
  private record Flush(int second, long nanos) {}

  /**
   * What came of it.
   *
   * @param writes answered in each second
   * @param flushNanos of the flushes answered in each second, ascending
   */
  record Result(int[] writes, long[][] flushNanos) {
    double writesPerSecond() {
      return Arrays.stream(writes).sum() / (double) writes.length;
    }

    long flushes() {
      return Arrays.stream(flushNanos).mapToLong(second -> second.length).sum();
    }

    /** A percentile of all flushes, in milliseconds. */
    double flushMillis(double percentile) {
      return millis(
          Arrays.stream(flushNanos).flatMapToLong(Arrays::stream).sorted().toArray(), percentile);
    }

    /** A percentile of each second's flushes, in milliseconds. */
    double[] flushMillisBySecond(double percentile) {
      return Arrays.stream(flushNanos).mapToDouble(second -> millis(second, percentile)).toArray();
    }

    private static double millis(long[] sorted, double percentile) {
      if (sorted.length == 0) {
        return 0;
      }
      int at = (int) Math.ceil(percentile / 100 * sorted.length) - 1;
      return sorted[Math.max(0, at)] / 1e6;
    }
  }

  /** Hears once a second how many are over. */
  interface Progress {
    void seconds(int over) throws IOException;
  }

  /**
   * Runs the clients to the end.
   *
   * @param exports a socket and the name on it for each client
   * @param noisy whether the last one writes at depth 256 instead, with a flush after each write,
   *     and isn't counted
   */
  Result run(List<Export> exports, boolean noisy, Progress progress) throws IOException {
    long start = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
    List<Future<List<Flush>>> clients = new ArrayList<>();
    List<Flush> flushes = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < exports.size(); i++) {
        Export export = exports.get(i);
        boolean isNoisy = noisy && i == exports.size() - 1;
        SplittableRandom random = new SplittableRandom(seed + i);
        Callable<List<Flush>> client =
            () -> isNoisy ? disturb(export, random, start) : write(export, random, start);
        clients.add(threads.submit(client));
      }
      for (int over = 1; over <= seconds; over++) {
        sleepUntil(start + TimeUnit.SECONDS.toNanos(over));
        progress.seconds(over);
      }
      for (Future<List<Flush>> client : clients) {
        flushes.addAll(client.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (ExecutionException e) {
      throw new IOException("a client failed: " + e.getCause(), e);
    }
    long[][] bySecond = new long[seconds][];
    for (int s = 0; s < seconds; s++) {
      int second = s;
      bySecond[s] =
          flushes.stream()
              .filter(f -> f.second == second)
              .mapToLong(Flush::nanos)
              .sorted()
              .toArray();
    }
    int[] counted = new int[seconds];
    for (int s = 0; s < seconds; s++) {
      counted[s] = writes.get(s);
    }
    return new Result(counted, bySecond);
  }

  /** Where a client connects. */
  record Export(Path socket, String name) {}

  private int second(long start) {
    return Math.clamp((System.nanoTime() - start) / 1_000_000_000L, 0, seconds);
  }

  private static void sleepUntil(long nanoTime) {
    for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private static void fill(byte[] block, SplittableRandom random) {
    for (int i = 0; i < block.length / 2; i += Long.BYTES) {
      long bits = random.nextLong();
      for (int j = 0; j < Long.BYTES; j++) {
        block[i + j] = (byte) (bits >>> (8 * j));
      }
    }
  }

  private long offset(SplittableRandom random) {
    return random.nextLong(size / Pattern.BLOCK_BYTES) * Pattern.BLOCK_BYTES;
  }

  private List<Flush> write(Export export, SplittableRandom random, long start) throws IOException {
    List<Flush> flushes = new ArrayList<>();
    byte[] block = new byte[Pattern.BLOCK_BYTES];
    long pause = TimeUnit.SECONDS.toNanos(BURST) / writesPerSecond;
    long next = start + random.nextLong(pause);
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    try (NbdDisk disk = NbdDisk.connect(export.socket(), export.name(), BURST)) {
      for (long done = BURST; System.nanoTime() < end; done += BURST) {
        sleepUntil(next);
        next += pause;
        for (int i = 0; i < BURST; i++) {
          fill(block, random);
          disk.write(offset(random), block, block.length);
        }
        disk.drain();
        writes.addAndGet(second(start), BURST);
        if (done % flushEvery < BURST) {
          long since = System.nanoTime();
          disk.flush();
          flushes.add(new Flush(second(start), System.nanoTime() - since));
        }
      }
    }
    return flushes;
  }

  private List<Flush> disturb(Export export, SplittableRandom random, long start)
      throws IOException {
    byte[] block = new byte[Pattern.BLOCK_BYTES];
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    sleepUntil(start);
    try (NbdDisk disk = NbdDisk.connect(export.socket(), export.name(), NOISY_DEPTH)) {
      while (System.nanoTime() < end) {
        fill(block, random);
        disk.write(offset(random), block, block.length);
        disk.flushLater();
      }
      disk.drain();
    }
    return List.of();
  }
}
