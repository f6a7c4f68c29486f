package io.bailey.volume;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The threads that work in the background for all volumes of a store: two that empty write buffers,
 * one that merges runs. A volume is in each queue at most once, so the queues are bounded by the
 * number of volumes.
 */
final class Maintenance {
  private static final long RETRY_MILLIS = 1000;

  /** Prefetches that may wait; more are forgotten. */
  private static final int MAX_PREFETCHES = 64;

  private final ExecutorService checkpoints;
  private final ExecutorService merges;
  private final ThreadPoolExecutor prefetches;
  private final ScheduledExecutorService retries;
  private final Supplier<Collection<Volume>> volumes;
  private volatile @Nullable StorageException noSpace;
  private final AtomicBoolean relieving = new AtomicBoolean();

  Maintenance(Supplier<Collection<Volume>> volumes) {
    this.volumes = volumes;
    checkpoints = Executors.newFixedThreadPool(2, threads("bailey-checkpoint-"));
    merges = Executors.newFixedThreadPool(1, threads("bailey-merge-"));
    prefetches =
        new ThreadPoolExecutor(
            0,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MAX_PREFETCHES),
            threads("bailey-prefetch-"),
            new ThreadPoolExecutor.DiscardPolicy());
    retries = Executors.newSingleThreadScheduledExecutor(threads("bailey-retry-"));
  }

  private static ThreadFactory threads(String prefix) {
    return Thread.ofPlatform().daemon().name(prefix, 0).factory();
  }

  /** Notes how the latest checkpoint ended: for want of space, or (null) not. */
  void noSpace(@Nullable StorageException failure) {
    noSpace = failure;
  }

  /** Why buffers can't be emptied at present; null if they can. */
  @Nullable StorageException noSpace() {
    return noSpace;
  }

  /** Empties a volume's write buffer soon. */
  void checkpoint(Volume volume) {
    run(checkpoints, volume::backgroundCheckpoint);
  }

  /** Merges a volume's runs soon, if the policy says so. */
  void merge(Volume volume) {
    run(merges, volume::backgroundMerge);
  }

  /** Does a prefetch soon, or never if there are too many. */
  void prefetch(Runnable task) {
    prefetches.execute(task);
  }

  /** Tries again a second later what failed for want of space. */
  void retryCheckpoint(Volume volume) {
    try {
      ScheduledFuture<?> _ =
          retries.schedule(() -> checkpoint(volume), RETRY_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The store closes.
    }
  }

  /** The host's buffers run low: the fullest is emptied. The caller may hold a volume's lock. */
  void relieve() {
    if (relieving.compareAndSet(false, true)) {
      run(
          retries,
          () -> {
            relieving.set(false);
            volumes.get().stream()
                .filter(volume -> volume.bufferedSlots() > 0)
                .max(Comparator.comparingInt(Volume::bufferedSlots))
                .ifPresent(Volume::requestCheckpoint);
          });
    }
  }

  /** Empties the write buffers of all volumes, in the caller's thread. */
  void emptyAll() throws IOException {
    for (Volume volume : volumes.get()) {
      volume.empty();
    }
  }

  /** The journal grew long: volumes that keep its old segments from being deleted are emptied. */
  void release(List<Long> holdingBack) {
    run(
        retries,
        () ->
            volumes.get().stream()
                .filter(volume -> holdingBack.contains(volume.id()))
                .forEach(Volume::requestCheckpoint));
  }

  private static void run(ExecutorService executor, Runnable task) {
    try {
      executor.execute(task);
    } catch (RejectedExecutionException e) {
      // The store closes, and empties what is left itself.
    }
  }

  /** Ends the threads; what they are at is finished first. */
  void close() {
    retries.shutdownNow();
    // Not shutdownNow: an interrupted read would close its file.
    prefetches.getQueue().clear();
    prefetches.shutdown();
    checkpoints.close();
    merges.close();
  }
}
