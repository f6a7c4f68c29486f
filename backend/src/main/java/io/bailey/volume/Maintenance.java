package io.bailey.volume;

import io.bailey.io.Posix;
import io.bailey.io.StorageException;
import io.bailey.journal.Journal;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The threads that work in the background for all volumes of a store: two that empty write buffers,
 * one that merges runs. A volume is in each queue at most once, so the queues are bounded by the
 * number of volumes.
 */
final class Maintenance {
  private static final System.Logger LOG = System.getLogger(Maintenance.class.getName());

  private static final long RETRY_MILLIS = 1000;

  /** How far merges stand back for the threads that serve clients. */
  private static final int MERGE_NICE = 5;

  /** How long a volume must not have been written to before it is made compact. */
  private static final long REST_MILLIS = 5000;

  /** How long after a look for the fullest buffers no other is taken: each write asks for one. */
  private static final long RELIEVE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** Blocks that durable volumes hold together before those that have many are logged. */
  private static final int LOG_BLOCKS = 256;

  /** Blocks of a volume that are worth a record. */
  private static final int RECORD_BLOCKS = 8;

  /** Prefetches that may wait; more are forgotten. */
  private static final int MAX_PREFETCHES = 64;

  private final ExecutorService checkpoints;
  private final ExecutorService merges;
  private final ExecutorService logs;
  private final ThreadPoolExecutor prefetches;
  private final ScheduledExecutorService retries;
  private final ExecutorService deletions;
  private final Supplier<Stream<VolumeUpkeep>> volumes;
  private volatile @Nullable StorageException noSpace;
  private volatile @Nullable StorageException noSpaceToLog;
  private final CountDownLatch begun = new CountDownLatch(1);
  private final AtomicBoolean logging = new AtomicBoolean();
  private final AtomicInteger unlogged = new AtomicInteger();
  private final AtomicInteger awaitingMerge = new AtomicInteger();
  private final AtomicBoolean relieving = new AtomicBoolean();
  private volatile long relieved = System.nanoTime() - RELIEVE_NANOS;
  private final AtomicBoolean relievingIndexes = new AtomicBoolean();
  private final AtomicBoolean relievingLog = new AtomicBoolean();

  Maintenance(Supplier<Stream<VolumeUpkeep>> volumes) {
    this.volumes = volumes;
    checkpoints = Executors.newFixedThreadPool(2, threads("bailey-checkpoint-"));
    merges = Executors.newFixedThreadPool(1, threads("bailey-merge-", MERGE_NICE));
    logs = Executors.newFixedThreadPool(1, threads("bailey-log-"));
    prefetches =
        new ThreadPoolExecutor(
            0,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MAX_PREFETCHES),
            threads("bailey-prefetch-"),
            new ThreadPoolExecutor.DiscardPolicy());
    deletions = Executors.newFixedThreadPool(1, threads("bailey-delete-"));
    retries = Executors.newSingleThreadScheduledExecutor(threads("bailey-retry-"));
  }

  private static ThreadFactory threads(String prefix) {
    return Thread.ofPlatform().daemon().name(prefix, 0).factory();
  }

  /** Threads that leave the processor to those that serve clients. */
  private static ThreadFactory threads(String prefix, int nice) {
    ThreadFactory factory = threads(prefix);
    return task ->
        factory.newThread(
            () -> {
              Posix.yieldToOthers(nice);
              task.run();
            });
  }

  /** Notes how the latest checkpoint ended: for want of space, or (null) not. */
  void noSpace(@Nullable StorageException failure) {
    noSpace = failure;
  }

  /** Notes how the latest append to the journal ended: for want of space, or (null) not. */
  void noSpaceToLog(@Nullable StorageException failure) {
    noSpaceToLog = failure;
  }

  /** Forgets who had no space, for that one may be gone; others that have none say so again. */
  void forgetNoSpace() {
    noSpace = null;
    noSpaceToLog = null;
  }

  /** Why buffers can't be emptied at present; null if they can. */
  @Nullable StorageException noSpace() {
    StorageException failure = noSpace;
    return failure != null ? failure : noSpaceToLog;
  }

  /** Empties a volume's write buffer soon. */
  void checkpoint(VolumeUpkeep volume) {
    runOnceBegun(checkpoints, volume::backgroundCheckpoint);
  }

  /**
   * Notes that blocks of a durable volume were written. Every now and then what volumes hold goes
   * to the journal without a flush, so that the disk has it evenly and not all when many flush.
   */
  void written(int blocks) {
    int now = unlogged.addAndGet(blocks);
    if (now >= LOG_BLOCKS && unlogged.compareAndSet(now, 0) && logging.compareAndSet(false, true)) {
      runOnceBegun(logs, this::logAll);
    }
  }

  private void logAll() {
    logging.set(false);
    int all = volumes.get().mapToInt(VolumeUpkeep::unloggedSlots).sum();
    if (all >= LOG_BLOCKS) {
      volumes
          .get()
          .filter(volume -> volume.unloggedSlots() >= RECORD_BLOCKS)
          .forEach(VolumeUpkeep::backgroundLog);
    }
  }

  /** Merges a volume's runs soon, if the policy says so. */
  void merge(VolumeUpkeep volume) {
    run(merges, volume::backgroundMerge);
  }

  /** Notes one more checkpoint, or one less, that waits for a merge of its volume. */
  void awaitingMerge(int change) {
    awaitingMerge.addAndGet(change);
  }

  /** Whether buffers can't be emptied before a volume's runs are merged. */
  boolean awaitsMerge() {
    return awaitingMerge.get() > 0;
  }

  /** Makes a volume's runs compact once nobody has written to it for a while. */
  void compactAtRest(VolumeUpkeep volume) {
    try {
      ScheduledFuture<?> _ =
          retries.schedule(
              () -> run(merges, volume::backgroundCompaction), REST_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The store closes.
    }
  }

  /** Asks each volume whether it should be made compact: other disks may need less than before. */
  void compactAllAtRest() {
    volumes.get().forEach(VolumeUpkeep::compactAtRest);
  }

  /** Does a prefetch soon, or never if there are too many. */
  void prefetch(Runnable task) {
    prefetches.execute(task);
  }

  /** Deletes files soon, in the caller's thread where the store closes. */
  void delete(Runnable task) {
    try {
      deletions.execute(task);
    } catch (RejectedExecutionException e) {
      task.run();
    }
  }

  /** Tries again a second later what failed for want of space. */
  void retry(VolumeUpkeep volume) {
    try {
      ScheduledFuture<?> _ = retries.schedule(volume::retry, RETRY_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The store closes.
    }
  }

  /**
   * The host's buffers run low: the fullest are emptied, until enough is on its way out. The caller
   * may hold a volume's lock.
   *
   * @param missing slots
   */
  void relieve(int missing) {
    boolean due = System.nanoTime() - relieved > RELIEVE_NANOS;
    if (due && relieving.compareAndSet(false, true)) {
      runOnceBegun(
          retries,
          () -> {
            relieved = System.nanoTime();
            relieving.set(false);
            relieveFullest(missing);
          });
    }
  }

  private void relieveFullest(int missing) {
    record Fill(VolumeUpkeep volume, VolumeUpkeep.Slots slots) {}

    // One look at each: between two, a volume may go from one kind to the other.
    List<Fill> fullest =
        volumes
            .get()
            .map(volume -> new Fill(volume, volume.slots()))
            .sorted(Comparator.comparingInt((Fill fill) -> fill.slots().held()).reversed())
            .toList();
    int leaving = fullest.stream().mapToInt(fill -> fill.slots().leaving()).sum();
    for (Fill next : fullest) {
      if (leaving >= missing || next.slots().held() == 0) {
        return;
      }
      next.volume().requestRelief();
      leaving += next.slots().held();
    }
  }

  /** Slots that are held by volumes that failed. Takes each volume's lock. */
  int strandedSlots() {
    return volumes.get().mapToInt(VolumeUpkeep::strandedSlots).sum();
  }

  /** The memory for journal indexes runs low: the volume with the largest is sorted. */
  void relieveIndexes() {
    if (relievingIndexes.compareAndSet(false, true)) {
      runOnceBegun(
          retries,
          () -> {
            relievingIndexes.set(false);
            volumes
                .get()
                .max(Comparator.comparingLong(VolumeUpkeep::indexBytes))
                .ifPresent(VolumeUpkeep::requestCheckpoint);
          });
    }
  }

  /** Writers wait for the log to become shorter: the volumes that keep it long are sorted. */
  void relieveLog(Journal journal) {
    if (relievingLog.compareAndSet(false, true)) {
      runOnceBegun(
          retries,
          () -> {
            relievingLog.set(false);
            release(journal.blocking());
          });
    }
  }

  /** Empties the write buffers of all volumes, in the caller's thread; returns whether it could. */
  boolean emptyAll() {
    boolean all = true;
    for (VolumeUpkeep each : volumes.get().toList()) {
      try {
        each.volume().empty();
      } catch (IOException e) {
        all = false;
        LOG.log(
            System.Logger.Level.WARNING,
            "volume {0} can''t be sorted: {1}",
            each.volume().name(),
            e.getMessage());
      }
    }
    return all;
  }

  /**
   * The journal has grown: if it is long, or mostly of blocks that were written again, volumes that
   * keep its old segments are sorted. The caller may hold a volume's locks.
   *
   * @param startBytes see {@link Journal#holdingBack}
   */
  void shorten(Journal journal, long startBytes) {
    runOnceBegun(
        retries,
        () -> {
          long live = volumes.get().mapToLong(VolumeUpkeep::loggedBlocks).sum();
          release(journal.holdingBack(startBytes, live));
        });
  }

  private void release(Set<Long> holdingBack) {
    Map<Long, VolumeUpkeep> byId =
        volumes.get().collect(Collectors.toMap(v -> v.volume().id(), v -> v));
    holdingBack.stream()
        .map(byId::get)
        .filter(Objects::nonNull)
        .forEach(VolumeUpkeep::requestCheckpoint);
  }

  /**
   * Whether who writes is to wait until the journal is shorter. Not for volumes that can't be
   * sorted: one that is out of order must not stop all others.
   */
  boolean waitsForLog(Journal journal) {
    if (!journal.isTooLong()) {
      return false;
    }
    Set<Long> blocking = journal.blocking();
    return volumes.get().anyMatch(v -> blocking.contains(v.volume().id()) && v.canBeSorted());
  }

  /** Lets work begin that may change what volumes have above their runs: all of it is read. */
  void begin() {
    begun.countDown();
  }

  private void runOnceBegun(ExecutorService executor, Runnable task) {
    run(
        executor,
        () -> {
          try {
            begun.await();
          } catch (InterruptedException e) {
            // The store closes.
            return;
          }
          task.run();
        });
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
    begin();
    retries.shutdownNow();
    // Not shutdownNow: an interrupted read would close its file.
    prefetches.getQueue().clear();
    prefetches.close();
    logs.close();
    checkpoints.close();
    merges.close();
    deletions.close();
  }
}
