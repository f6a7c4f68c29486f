package io.bailey.io;

import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;

/** The real file system, with every call counted, and held up or failed as a test says. */
public final class FaultyFiles implements HostFiles {
  /** A call of {@link HostFiles} or {@link HostFile}. */
  public enum Call {
    OPEN,
    CREATE,
    RENAME,
    DELETE,
    MAKE_DIRECTORY,
    LIST,
    EXISTS,
    SYNC_DIRECTORY,
    SIZE,
    READ,
    WRITE,
    SYNC;

    /** Whether it changes what is there, or what a power cut leaves of it. */
    public boolean isMutating() {
      return switch (this) {
        case CREATE, RENAME, DELETE, MAKE_DIRECTORY, SYNC_DIRECTORY, WRITE, SYNC -> true;
        case OPEN, LIST, EXISTS, SIZE, READ -> false;
      };
    }
  }

  /** What happens before a call is made; a throw fails the call. */
  @FunctionalInterface
  public interface Fault {
    void before(Call call, Path path) throws IOException;
  }

  /** A read or a write. */
  public record Transfer(Call call, Path path, long offset, int length) {}

  private static final Fault NONE = (call, path) -> {};

  private final HostFiles real;
  private final Map<Call, LongAdder> counts = new EnumMap<>(Call.class);
  private final LongAdder bytesRead = new LongAdder();
  private final LongAdder bytesWritten = new LongAdder();
  private final AtomicInteger openFiles = new AtomicInteger();
  private volatile Fault fault = NONE;
  private volatile Runnable afterSync = () -> {};
  private final List<Transfer> transfers = new ArrayList<>();
  private volatile boolean recordsTransfers;
  private volatile boolean shortWrites;
  private volatile boolean skipsDirectorySyncs;
  private volatile long usableBytes = Long.MAX_VALUE;

  public FaultyFiles() {
    this(new LocalFiles());
  }

  public FaultyFiles(HostFiles real) {
    this.real = real;
    for (Call call : Call.values()) {
      counts.put(call, new LongAdder());
    }
  }

  /** Sets what happens before each call from now on. */
  public void fault(Fault next) {
    fault = next;
  }

  /** Sets what happens between the end of a file's sync and the return of the call. */
  public void afterSync(Runnable next) {
    afterSync = next;
  }

  /** Says that a directory has no more room than that; nothing holds it to it. */
  public void usableBytes(long most) {
    usableBytes = most;
  }

  /** Lets every call through from now on. */
  public void heal() {
    fault = NONE;
    shortWrites = false;
  }

  /** Has writes that fail write half of their bytes first, until {@link #heal}. */
  public void shortWrites() {
    shortWrites = true;
  }

  /** Does nothing for a sync of a directory from now on, and calls it a success. */
  public void skipDirectorySyncs() {
    skipsDirectorySyncs = true;
  }

  /** Fails every such call of files that match. */
  public void failAll(Kind kind, Predicate<Path> which, Call... calls) {
    List<Call> failing = List.of(calls);
    fault(
        (call, path) -> {
          if (failing.contains(call) && which.test(path)) {
            throw failure(kind, call, path);
          }
        });
  }

  /** Fails the n-th call from now on, counted from 1, of those that match. */
  public void failNth(int n, Kind kind, Predicate<Path> which, Call... calls) {
    List<Call> failing = List.of(calls);
    AtomicInteger left = new AtomicInteger(n);
    fault(
        (call, path) -> {
          if (failing.contains(call) && which.test(path) && left.decrementAndGet() == 0) {
            throw failure(kind, call, path);
          }
        });
  }

  /** Holds such calls up until the latch is open. */
  public void delay(CountDownLatch latch, Predicate<Path> which, Call held) {
    fault(
        (call, path) -> {
          if (call == held && which.test(path)) {
            await(latch);
          }
        });
  }

  /** Waits where an interrupt would be a failure of the test. */
  public static void await(CountDownLatch latch) throws IOException {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  public static StorageException failure(Kind kind, Call call, Path path) {
    return new StorageException(kind, "made to fail: " + call + " of " + path);
  }

  public long count(Call call) {
    return counts.get(call).sum();
  }

  public long bytesRead() {
    return bytesRead.sum();
  }

  public long bytesWritten() {
    return bytesWritten.sum();
  }

  /** Notes every read and write from now on. */
  public void recordTransfers() {
    recordsTransfers = true;
  }

  /** What was noted, in order; a new file's under the name that it had. */
  public List<Transfer> transfers() {
    synchronized (transfers) {
      return List.copyOf(transfers);
    }
  }

  private void transfer(Call call, Path path, long offset, int length) {
    if (recordsTransfers) {
      synchronized (transfers) {
        transfers.add(new Transfer(call, path, offset, length));
      }
    }
  }

  /** Files open now. */
  public int openFiles() {
    return openFiles.get();
  }

  public void resetCounts() {
    counts.values().forEach(LongAdder::reset);
    bytesRead.reset();
    bytesWritten.reset();
  }

  private void before(Call call, Path path) throws IOException {
    counts.get(call).increment();
    fault.before(call, path);
  }

  @Override
  public HostFile open(Path path) throws IOException {
    before(Call.OPEN, path);
    return new CountedFile(path, real.open(path));
  }

  @Override
  public HostFile create(Path path) throws IOException {
    before(Call.CREATE, path);
    return new CountedFile(path, real.create(path));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    before(Call.RENAME, to);
    real.rename(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    before(Call.DELETE, path);
    real.delete(path);
  }

  @Override
  public void createDirectories(Path path) throws IOException {
    before(Call.MAKE_DIRECTORY, path);
    real.createDirectories(path);
  }

  @Override
  public List<String> list(Path directory) throws IOException {
    before(Call.LIST, directory);
    return real.list(directory);
  }

  @Override
  public boolean exists(Path path) {
    counts.get(Call.EXISTS).increment();
    return real.exists(path);
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    before(Call.SYNC_DIRECTORY, directory);
    if (!skipsDirectorySyncs) {
      real.syncDirectory(directory);
    }
  }

  @Override
  public long usableBytes(Path directory) throws IOException {
    return Math.min(usableBytes, real.usableBytes(directory));
  }

  private final class CountedFile implements HostFile {
    private final HostFile file;
    private volatile Path path;
    private final AtomicBoolean closed = new AtomicBoolean();

    CountedFile(Path path, HostFile file) {
      this.path = path;
      this.file = file;
      openFiles.incrementAndGet();
    }

    @Override
    public void renamed(Path to) {
      path = to;
      file.renamed(to);
    }

    @Override
    public long size() throws IOException {
      before(Call.SIZE, path);
      return file.size();
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      before(Call.READ, path);
      bytesRead.add(length);
      transfer(Call.READ, path, offset, length);
      file.read(offset, dst, dstOffset, length);
    }

    @Override
    public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
      try {
        before(Call.WRITE, path);
      } catch (IOException e) {
        if (shortWrites) {
          file.write(offset, src, srcOffset, length / 2);
        }
        throw e;
      }
      bytesWritten.add(length);
      transfer(Call.WRITE, path, offset, length);
      file.write(offset, src, srcOffset, length);
    }

    @Override
    public void sync() throws IOException {
      before(Call.SYNC, path);
      file.sync();
      afterSync.run();
    }

    @Override
    public void close() throws IOException {
      if (closed.compareAndSet(false, true)) {
        openFiles.decrementAndGet();
      }
      file.close();
    }
  }
}
