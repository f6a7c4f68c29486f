package io.bailey.io;

import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A disk in memory that knows what would be left of it after a power cut. Thread-safe.
 *
 * <h2>What a cut may do</h2>
 *
 * A file's sync makes its bytes and size durable, and not its name; a directory's sync makes the
 * names in it durable, and not those of deeper ones. Since the last sync, each creation, rename and
 * removal survives or is lost on its own (of a rename, the new name may also be there beside the
 * old one), the size of a file may be that of any moment, and of each write, each 512-byte sector
 * or each 4 KiB page may be there, missing, torn or garbage, whatever became of earlier writes.
 * Bytes that a write doesn't touch stay what they are, also in a sector that it touches.
 *
 * <p>Names are listed in the order in which they were made, so that runs repeat.
 */
public final class SimulatedDisk implements HostFiles {
  private static final int SECTOR_BYTES = 512;
  private static final int PAGE_BYTES = 4096;

  /** What becomes of the un-synced, for one cut. */
  private enum Fate {
    DONE,
    LOST,
    HALF,
    GARBAGE
  }

  private final Path root;
  private final Directory top;
  private final long signature;

  private sealed interface Node permits File, Directory {}

  private record Write(int offset, byte[] bytes) {
    int end() {
      return offset + bytes.length;
    }
  }

  private static final class File implements Node {
    byte[] bytes;
    int size;

    /** The array is also {@code durable}, or another disk's. */
    boolean shared;

    byte[] durable;
    int durableSize;
    List<Write> pending = new ArrayList<>();

    /** Bytes that read well will never be durable, for a sync failed. */
    boolean lost;

    File(byte[] bytes, int size, byte[] durable, int durableSize) {
      this.bytes = bytes;
      this.size = size;
      this.shared = true;
      this.durable = durable;
      this.durableSize = durableSize;
    }

    void write(Write write) {
      if (shared || write.end() > bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.max(bytes.length, 2 * write.end()));
        shared = false;
      }
      System.arraycopy(write.bytes, 0, bytes, write.offset, write.bytes.length);
      size = Math.max(size, write.end());
      pending.add(write);
    }

    void sync() {
      if (lost) {
        int end = pending.stream().mapToInt(Write::end).max().orElse(0);
        durableSize = Math.max(durableSize, end);
        durable = Arrays.copyOf(durable, durableSize);
        pending.forEach(w -> System.arraycopy(w.bytes, 0, durable, w.offset, w.bytes.length));
      } else {
        durable = bytes;
        durableSize = size;
        shared = true;
      }
      pending = new ArrayList<>();
    }
  }

  /** A creation has no {@code from}, a removal no {@code to}: they are empty. */
  private record Change(String from, String to, Node node) {}

  private static final class Directory implements Node {
    final Map<String, Node> now = new LinkedHashMap<>();
    Map<String, Node> durable = new LinkedHashMap<>();
    List<Change> pending = new ArrayList<>();

    void change(Change change) {
      apply(change, now);
      pending.add(change);
    }

    static void apply(Change change, Map<String, Node> names) {
      names.remove(change.from);
      if (!change.to.isEmpty()) {
        names.remove(change.to);
        names.put(change.to, change.node);
      }
    }

    void sync() {
      durable = new LinkedHashMap<>(now);
      pending = new ArrayList<>();
    }
  }

  /** An empty disk, for paths below {@code root}. */
  public SimulatedDisk(Path root) {
    this(root, new Directory(), 0);
  }

  private SimulatedDisk(Path root, Directory top, long signature) {
    this.root = root;
    this.top = top;
    this.signature = signature;
  }

  /** Cuts of one disk that have the same signature left the same. */
  public long signature() {
    return signature;
  }

  /** The same disk once more, as after the death of the process: nothing is synced by that. */
  public synchronized SimulatedDisk copy() {
    return new SimulatedDisk(root, (Directory) copy(top, new IdentityHashMap<>()), signature);
  }

  /** The same disk below another path; this one must not be used any more. */
  SimulatedDisk at(Path otherRoot) {
    return new SimulatedDisk(otherRoot, top, signature);
  }

  private static Node copy(Node node, IdentityHashMap<Node, Node> copies) {
    Node present = copies.get(node);
    if (present != null) {
      return present;
    }
    return switch (node) {
      case File file -> {
        file.shared = true;
        File copy = new File(file.bytes, file.size, file.durable, file.durableSize);
        copy.pending.addAll(file.pending);
        copy.lost = file.lost;
        copies.put(file, copy);
        yield copy;
      }
      case Directory directory -> {
        Directory copy = new Directory();
        copies.put(directory, copy);
        directory.now.forEach((name, child) -> copy.now.put(name, copy(child, copies)));
        directory.durable.forEach((name, child) -> copy.durable.put(name, copy(child, copies)));
        for (Change c : directory.pending) {
          copy.pending.add(new Change(c.from, c.to, copy(c.node, copies)));
        }
        yield copy;
      }
    };
  }

  /** The disk after a cut that loses all that it may lose. */
  public SimulatedDisk cutLosingAll() {
    return cut(new Cut(new Random(0), 0, 0, 0, 0));
  }

  /** The disk after a cut at a moment when all was written out. */
  public SimulatedDisk cutLosingNothing() {
    return cut(new Cut(new Random(0), 1, 1, 0, 0));
  }

  /** The disk after a cut that chance decides. */
  public SimulatedDisk cut(Random random) {
    double[] chances = {0, 0.1, 0.5, 0.9, 1};
    return cut(
        new Cut(
            random,
            chances[random.nextInt(chances.length)],
            chances[random.nextInt(chances.length)],
            random.nextInt(3) == 0 ? 0.2 : 0.02,
            random.nextInt(3) == 0 ? 0.2 : 0.02));
  }

  private synchronized SimulatedDisk cut(Cut cut) {
    Directory left = (Directory) cut.after(top);
    return new SimulatedDisk(root, left, cut.signature);
  }

  /** One cut: chances of names and of data to survive, and of the rest to be half there. */
  private static final class Cut {
    final Random random;
    final double names;
    final double data;
    final double half;
    final double garbage;
    final IdentityHashMap<Node, Node> done = new IdentityHashMap<>();
    long signature = 1;

    Cut(Random random, double names, double data, double half, double garbage) {
      this.random = random;
      this.names = names;
      this.data = data;
      this.half = half;
      this.garbage = garbage;
    }

    Fate fate(double chance) {
      Fate fate = chance > 0 && random.nextDouble() < chance ? Fate.DONE : Fate.LOST;
      if (half > 0 && random.nextDouble() < half) {
        fate = Fate.HALF;
      } else if (garbage > 0 && random.nextDouble() < garbage) {
        fate = Fate.GARBAGE;
      }
      signature = 31 * signature + fate.name().hashCode();
      return fate;
    }

    int chosen(int bound) {
      int chosen = random.nextInt(bound);
      signature = 31 * signature + chosen;
      return chosen;
    }

    Node after(Node node) {
      Node present = done.get(node);
      if (present != null) {
        return present;
      }
      Node after =
          switch (node) {
            case File file -> file(file);
            case Directory directory -> directory(directory);
          };
      done.put(node, after);
      return after;
    }

    Directory directory(Directory before) {
      Directory after = new Directory();
      Map<String, Node> left = new LinkedHashMap<>(before.durable);
      for (Change change : before.pending) {
        switch (fate(names)) {
          case DONE -> Directory.apply(change, left);
          case HALF -> {
            boolean renamed = !change.from.isEmpty() && !change.to.isEmpty();
            Directory.apply(renamed ? new Change("", change.to, change.node) : change, left);
          }
          case LOST, GARBAGE -> {}
        }
      }
      left.forEach((name, node) -> after.now.put(name, after(node)));
      after.sync();
      return after;
    }

    File file(File before) {
      if (before.pending.isEmpty()) {
        return new File(before.durable, before.durableSize, before.durable, before.durableSize);
      }
      byte[] left = Arrays.copyOf(before.durable, before.size);
      Arrays.fill(left, before.durableSize, before.size, (byte) 0);
      int unit = chosen(2) == 0 ? SECTOR_BYTES : PAGE_BYTES;
      for (Write write : before.pending) {
        for (int at = write.offset; at < write.end(); ) {
          int end = Math.min(write.end(), (at / unit + 1) * unit);
          piece(write, at, end, left);
          at = end;
        }
      }
      int size = size(before);
      return new File(left, size, left, size);
    }

    void piece(Write write, int from, int end, byte[] left) {
      int to = end;
      switch (fate(data)) {
        case DONE -> {}
        case HALF -> to = from + chosen(end - from);
        case LOST -> to = from;
        case GARBAGE -> {
          byte[] garbage = new byte[end - from];
          random.nextBytes(garbage);
          System.arraycopy(garbage, 0, left, from, garbage.length);
          return;
        }
      }
      System.arraycopy(write.bytes, from - write.offset, left, from, to - from);
    }

    int size(File before) {
      return switch (fate(data)) {
        case DONE -> before.size;
        case LOST -> before.durableSize;
        case HALF, GARBAGE -> {
          int end = before.pending.get(chosen(before.pending.size())).end();
          yield Math.max(before.durableSize, chosen(2) == 0 ? end : end & -PAGE_BYTES);
        }
      };
    }
  }

  /** What a kernel does of whose sync of a file failed: what was un-synced never gets written. */
  synchronized void loseUnsynced(Path path) throws StorageException {
    if (parent(path).now.get(name(path)) instanceof File file) {
      file.lost = true;
      file.pending = new ArrayList<>();
    }
  }

  // The calls

  private Directory directory(Path path) throws StorageException {
    return directory(path, path);
  }

  private Directory directory(Path path, Path named) throws StorageException {
    Directory at = top;
    for (int i = root.getNameCount(); i < path.getNameCount(); i++) {
      if (!(at.now.get(path.getName(i).toString()) instanceof Directory next)) {
        throw missing(named);
      }
      at = next;
    }
    return at;
  }

  private Directory parent(Path path) throws StorageException {
    Path parent = path.getParent();
    if (parent == null || !path.startsWith(root)) {
      throw missing(path);
    }
    return directory(parent, path);
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  private static StorageException missing(Path path) {
    return new StorageException(Kind.NOT_FOUND, path + ": no such file");
  }

  @Override
  public synchronized HostFile open(Path path) throws IOException {
    if (parent(path).now.get(name(path)) instanceof File file) {
      return new Handle(path, file);
    }
    throw missing(path);
  }

  /** So little, though no write is refused, that the journal's segments fill and serve again. */
  @Override
  public long usableBytes(Path directory) {
    return 1 << 20;
  }

  @Override
  public synchronized HostFile create(Path path) throws IOException {
    Directory parent = parent(path);
    if (parent.now.containsKey(name(path))) {
      throw new StorageException(Kind.EXISTS, "can't create " + path + ": it exists");
    }
    File file = new File(new byte[0], 0, new byte[0], 0);
    parent.change(new Change("", name(path), file));
    return new Handle(path, file);
  }

  @Override
  public synchronized void rename(Path from, Path to) throws IOException {
    Directory parent = parent(from);
    Node node = parent.now.get(name(from));
    if (node == null) {
      throw missing(from);
    }
    if (parent(to) != parent) {
      throw new StorageException(Kind.INVALID, "can't rename to another directory: " + to);
    }
    parent.change(new Change(name(from), name(to), node));
  }

  @Override
  public synchronized void delete(Path path) throws IOException {
    Directory parent = parent(path);
    Node node = parent.now.get(name(path));
    if (node != null) {
      parent.change(new Change(name(path), "", node));
    }
  }

  @Override
  public synchronized void createDirectories(Path path) throws IOException {
    Directory at = top;
    for (int i = root.getNameCount(); i < path.getNameCount(); i++) {
      String name = path.getName(i).toString();
      Node next = at.now.get(name);
      if (next == null) {
        next = new Directory();
        at.change(new Change("", name, next));
      }
      at = (Directory) next;
    }
  }

  @Override
  public synchronized List<String> list(Path path) {
    try {
      return List.copyOf(directory(path).now.keySet());
    } catch (StorageException e) {
      return List.of();
    }
  }

  @Override
  public synchronized boolean exists(Path path) {
    try {
      return parent(path).now.containsKey(name(path));
    } catch (StorageException e) {
      return false;
    }
  }

  @Override
  public synchronized void syncDirectory(Path path) throws IOException {
    directory(path).sync();
  }

  private final class Handle implements HostFile {
    private final Path path;
    private final File file;
    private boolean closed;

    Handle(Path path, File file) {
      this.path = path;
      this.file = file;
    }

    private void failIfClosed() throws StorageException {
      if (closed) {
        throw new StorageException(
            Kind.IO, "can't use " + path + ": it is closed", new ClosedChannelException());
      }
    }

    @Override
    public long size() {
      synchronized (SimulatedDisk.this) {
        return file.size;
      }
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      synchronized (SimulatedDisk.this) {
        if (closed) {
          throw new ClosedChannelException();
        }
        if (offset + length > file.size) {
          throw new StorageException(
              Kind.DAMAGED, path + " ends at " + file.size + ", before " + (offset + length));
        }
        System.arraycopy(file.bytes, (int) offset, dst, dstOffset, length);
      }
    }

    @Override
    public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
      synchronized (SimulatedDisk.this) {
        failIfClosed();
        file.write(
            new Write(
                Math.toIntExact(offset), Arrays.copyOfRange(src, srcOffset, srcOffset + length)));
      }
    }

    @Override
    public void sync() throws IOException {
      synchronized (SimulatedDisk.this) {
        failIfClosed();
        file.sync();
      }
    }

    @Override
    public void close() {
      synchronized (SimulatedDisk.this) {
        closed = true;
      }
    }
  }
}
