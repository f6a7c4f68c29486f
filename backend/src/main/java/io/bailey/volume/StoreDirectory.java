package io.bailey.volume;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.SmallFile;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.CRC32C;

/**
 * The directory of a store, held by one process at a time; the package's page lists its files.
 *
 * <p>The files {@code store} and {@code buffers}:
 *
 * <pre>
 *  0  BAILEY S version(2), BAILEY W version(1)
 *  8  16 bytes: the store's id; the set of write buffers that belongs to its state, zeros if none
 *     does
 * 24  u32 CRC-32C of all before
 * </pre>
 *
 * <p>Version 1 of {@code store} has no checksum; the first builds wrote {@code buffers} as the 16
 * bytes alone. A {@code store} of 8 bytes gets an id.
 */
final class StoreDirectory implements AutoCloseable {
  static final String BUFFERS = "buffers";
  static final String IMAGES = "images";
  static final String VOLUMES = "volumes";
  private static final String LOCK = "lock";

  private static final byte[] BUFFERS_MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'W', 1};
  private static final int EARLY_BUFFERS_BYTES = 16;
  private static final int EARLY_MARKER_BYTES = 24;
  private static final int BYTES = 28;
  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'S', 2};
  private static final byte EARLY_VERSION = 1;

  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final HostFiles files;
  private final Path directory;
  private final Path real;
  private final FileChannel lockFile;
  private Optional<UUID> id = Optional.empty();
  private StoreMemory memory = store -> Path.of("");

  private StoreDirectory(HostFiles files, Path directory, Path real, FileChannel lockFile) {
    this.files = files;
    this.directory = directory;
    this.real = real;
    this.lockFile = lockFile;
  }

  /** Takes hold of a store, making it if the directory is missing or empty. */
  static StoreDirectory open(HostFiles files, Path directory) throws IOException {
    Path marker = directory.resolve("store");
    if (!files.exists(marker)) {
      List<String> others =
          files.list(directory).stream()
              .filter(name -> !List.of(LOCK, "store.new", "lost+found").contains(name))
              .toList();
      if (!others.isEmpty()) {
        throw new StorageException(
            Kind.INVALID,
            directory
                + " is no store and not empty (it has "
                + others.getFirst()
                + "): choose another directory");
      }
      createDurably(files, directory.toAbsolutePath());
    }
    StoreDirectory opened = hold(files, directory);
    try {
      if (!files.exists(marker)) {
        opened.newId();
      }
      opened.id = id(files, directory);
      for (String sub : List.of(IMAGES, VOLUMES)) {
        opened.files.createDirectories(directory.resolve(sub));
        // A process that died may have renamed a root and not synced that. What the root before
        // needs is deleted from here on.
        opened.files.syncDirectory(directory.resolve(sub));
      }
      opened.files.syncDirectory(directory);
      return opened;
    } catch (IOException e) {
      opened.close();
      throw e;
    }
  }

  private static StoreDirectory hold(HostFiles files, Path directory) throws IOException {
    Path real = directory.toRealPath();
    FileChannel lockFile = lock(directory, real);
    try {
      HostFiles held = new HeldFiles(files, directory, directory.resolve(LOCK));
      return new StoreDirectory(held, directory, real, lockFile);
    } catch (IOException e) {
      letGo(real, lockFile);
      throw e;
    }
  }

  /** Takes hold of a store that must exist; kind {@code NOT_FOUND} if it doesn't. */
  static StoreDirectory openExisting(HostFiles files, Path directory) throws IOException {
    if (!files.exists(directory.resolve("store"))) {
      throw new StorageException(
          Kind.NOT_FOUND, "there is no store in " + directory + ": say where with --store");
    }
    return open(files, directory);
  }

  /** Makes a directory, and what it lacks above it, and has their names survive power loss. */
  private static void createDurably(HostFiles files, Path directory) throws IOException {
    Path parent = directory.getParent();
    if (parent == null) {
      return;
    }
    boolean present = files.exists(directory);
    if (!present) {
      createDurably(files, parent);
      files.createDirectories(directory);
    }
    try {
      files.syncDirectory(parent);
    } catch (StorageException e) {
      // Of a directory that was there, whoever made it may have kept its parent to themselves.
      if (!present) {
        throw e;
      }
    }
  }

  private static FileChannel lock(Path directory, Path real) throws IOException {
    Path path = directory.resolve(LOCK);
    // A process loses its lock on a file when it closes any other channel of it.
    if (!HELD.add(real)) {
      throw new StorageException(
          Kind.IN_USE, "store " + directory + " is in use by this process already");
    }
    boolean locked = false;
    try {
      FileChannel channel = lockFile(directory, path);
      locked = true;
      return channel;
    } finally {
      if (!locked) {
        HELD.remove(real);
      }
    }
  }

  private static FileChannel lockFile(Path directory, Path path) throws IOException {
    FileChannel channel;
    try {
      channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw LocalFiles.failure("open", path, e);
    }
    boolean locked = false;
    try {
      ByteBuffer pid = ByteBuffer.allocate(32);
      if (channel.tryLock() == null) {
        channel.read(pid, 0);
        throw inUse(
            directory, new String(pid.array(), 0, pid.position(), StandardCharsets.US_ASCII));
      }
      pid.put((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)).flip();
      // In this order, so that a full disk need not find a block for it anew.
      channel.write(pid, 0);
      channel.truncate(pid.limit());
      locked = true;
      return channel;
    } catch (StorageException e) {
      throw e;
    } catch (IOException e) {
      throw LocalFiles.failure("lock", path, e);
    } finally {
      if (!locked) {
        channel.close();
      }
    }
  }

  private static StorageException inUse(Path directory, String holder) {
    return new StorageException(
        Kind.IN_USE,
        "store "
            + directory
            + " is in use by process "
            + holder.strip()
            + ": stop that one, or choose another store");
  }

  private void newId() throws IOException {
    byte[] marker = withChecksum(MAGIC, UUID.randomUUID());
    SmallFile.replace(files, resolve("store"), marker, marker.length);
  }

  /** What says that this is a store, and which: 8 bytes, or 24 of an early version, or 28. */
  private static byte[] readMarker(HostFiles files, Path directory) throws IOException {
    Path marker = directory.resolve("store");
    byte[] found = readSmall(files, marker);
    int last = MAGIC.length - 1;
    if (found.length <= last || !Arrays.equals(found, 0, last, MAGIC, 0, last)) {
      throw new StorageException(Kind.DAMAGED, marker + " doesn't begin with BAILEYS");
    }
    if (found[last] > MAGIC[last]) {
      throw new StorageException(
          Kind.TOO_NEW,
          "store "
              + directory
              + " has version "
              + found[last]
              + " and this program reads up to "
              + MAGIC[last]
              + ": use a newer bailey");
    }
    if (found[last] < EARLY_VERSION) {
      throw new StorageException(
          Kind.DAMAGED, marker + " has a version that never was, " + found[last]);
    }
    boolean whole =
        found[last] == EARLY_VERSION
            ? found.length == EARLY_MARKER_BYTES
            : found.length == MAGIC.length || (found.length == BYTES && endsInChecksum(found));
    if (!whole) {
      throw new StorageException(
          Kind.DAMAGED,
          marker
              + " is damaged, which says what memory is the store's: put back a copy of it; or go"
              + " on without its ephemeral volumes and what isn't on disk yet, as after a power cut,"
              + " with: printf 'BAILEYS\\2' > '"
              + marker
              + "'");
    }
    return found;
  }

  /**
   * The id of a store, whether a process has it open or not; empty if there is none, or an early
   * version's.
   */
  static Optional<UUID> id(HostFiles files, Path directory) throws IOException {
    if (!files.exists(directory.resolve("store"))) {
      return Optional.empty();
    }
    byte[] marker = readMarker(files, directory);
    return marker.length == BYTES ? Optional.of(uuid(marker, MAGIC.length)) : Optional.empty();
  }

  /** Gives the store an id if its marker was cut to have it get a new one. */
  void identify() throws IOException {
    if (id.isEmpty() && readMarker(files, directory).length == MAGIC.length) {
      newId();
      files.syncDirectory(directory);
      id = id(files, directory);
    }
  }

  /** Finds the store's volatile part, until the store is closed. */
  Path memory(StoreMemory from) throws IOException {
    memory = from;
    return from.of(id);
  }

  /** Reads again what says that this is a store. */
  void check() throws IOException {
    readMarker(files, directory);
  }

  HostFiles files() {
    return files;
  }

  Path resolve(String name) {
    return directory.resolve(name);
  }

  Path path() {
    return directory;
  }

  /** Where roots lie: of images, of durable volumes, and of ephemeral ones. */
  List<Path> roots(Path ephemeral) {
    return List.of(resolve(IMAGES), resolve(VOLUMES), ephemeral);
  }

  /** The set of write buffers that belongs to a store's present state; zeros if none does. */
  static UUID bufferSet(HostFiles files, Path directory) throws IOException {
    Path path = directory.resolve(BUFFERS);
    if (!files.exists(path)) {
      return new UUID(0, 0);
    }
    byte[] bytes = readSmall(files, path);
    boolean whole =
        bytes.length == BYTES
            && Arrays.equals(BUFFERS_MAGIC, Arrays.copyOf(bytes, BUFFERS_MAGIC.length))
            && endsInChecksum(bytes);
    boolean early =
        bytes.length == EARLY_BUFFERS_BYTES
            && !Arrays.equals(BUFFERS_MAGIC, Arrays.copyOf(bytes, BUFFERS_MAGIC.length));
    if (!whole && !early) {
      throw new StorageException(
          Kind.DAMAGED,
          path
              + " is damaged, which says what write buffers are the store's: delete it to start"
              + " without them, as after a power cut");
    }
    return uuid(bytes, early ? 0 : BUFFERS_MAGIC.length);
  }

  void bufferSet(UUID set) throws IOException {
    SmallFile.replace(files, resolve(BUFFERS), withChecksum(BUFFERS_MAGIC, set), BYTES);
    files.syncDirectory(directory);
  }

  private static byte[] readSmall(HostFiles files, Path path) throws IOException {
    try (HostFile file = files.open(path)) {
      byte[] bytes = new byte[(int) Math.min(file.size(), BYTES + 1)];
      file.read(0, bytes, 0, bytes.length);
      return bytes;
    }
  }

  private static UUID uuid(byte[] bytes, int at) throws StorageException {
    Decoder in = new Decoder("", bytes, at, 16);
    return new UUID(in.getLong(), in.getLong());
  }

  private static byte[] withChecksum(byte[] magic, UUID id) {
    Encoder out = new Encoder(BYTES).putBytes(magic);
    out.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    return out.putInt(checksum(out.array())).array();
  }

  private static boolean endsInChecksum(byte[] bytes) throws StorageException {
    return new Decoder("", bytes, BYTES - 4, 4).getInt() == checksum(bytes);
  }

  private static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, BYTES - 4);
    return (int) crc.getValue();
  }

  @Override
  public void close() throws IOException {
    try {
      memory.left();
    } finally {
      letGo(real, lockFile);
    }
  }

  private static void letGo(Path real, FileChannel lockFile) throws IOException {
    lockFile.close();
    HELD.remove(real);
  }
}
