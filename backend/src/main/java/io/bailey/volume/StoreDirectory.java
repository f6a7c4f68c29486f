package io.bailey.volume;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The directory of a store, held by one process at a time; the package's page lists its files. */
final class StoreDirectory implements AutoCloseable {
  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'S', 1};

  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final HostFiles files;
  private final Path directory;
  private final FileChannel lockFile;

  private StoreDirectory(HostFiles files, Path directory, FileChannel lockFile) {
    this.files = files;
    this.directory = directory;
    this.lockFile = lockFile;
  }

  /** Takes hold of a store, making it if the directory is missing or empty. */
  static StoreDirectory open(HostFiles files, Path directory) throws IOException {
    Path marker = directory.resolve("store");
    if (!files.exists(marker)) {
      List<String> others =
          files.list(directory).stream()
              .filter(name -> !List.of("lock", "store.new", "lost+found").contains(name))
              .toList();
      if (!others.isEmpty()) {
        throw new StorageException(
            Kind.INVALID,
            directory
                + " is no store and not empty (it has "
                + others.getFirst()
                + "): choose another directory");
      }
      files.createDirectories(directory);
    }
    StoreDirectory opened = new StoreDirectory(files, directory, lock(directory));
    try {
      if (files.exists(marker)) {
        opened.checkMarker(marker);
      } else {
        opened.writeSmall("store", MAGIC, UUID.randomUUID());
      }
      for (String sub : List.of("images", "volumes")) {
        files.createDirectories(directory.resolve(sub));
      }
      files.syncDirectory(directory);
      return opened;
    } catch (IOException e) {
      opened.close();
      throw e;
    }
  }

  private static FileChannel lock(Path directory) throws IOException {
    Path path = directory.resolve("lock");
    // A process loses its lock on a file when it closes any other channel of it.
    if (!HELD.add(directory.toRealPath())) {
      throw new StorageException(
          Kind.IN_USE, "store " + directory + " is in use by this process already");
    }
    try {
      return lockFile(directory, path);
    } catch (IOException e) {
      HELD.remove(directory.toRealPath());
      throw e;
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
    @Nullable FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (IOException e) {
      channel.close();
      throw LocalFiles.failure("lock", path, e);
    }
    ByteBuffer pid = ByteBuffer.allocate(32);
    if (lock == null) {
      channel.read(pid, 0);
      String holder = new String(pid.array(), 0, pid.position(), StandardCharsets.US_ASCII).strip();
      channel.close();
      throw new StorageException(
          Kind.IN_USE, "store " + directory + " is in use by process " + holder);
    }
    pid.put((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)).flip();
    channel.truncate(0);
    channel.write(pid, 0);
    return channel;
  }

  private void checkMarker(Path marker) throws IOException {
    byte[] found = new byte[MAGIC.length];
    try (HostFile file = files.open(marker)) {
      file.read(0, found, 0, found.length);
    }
    int last = MAGIC.length - 1;
    if (!Arrays.equals(found, 0, last, MAGIC, 0, last)) {
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
    if (found[last] != MAGIC[last]) {
      throw new StorageException(
          Kind.DAMAGED, marker + " has a version that never was, " + found[last]);
    }
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

  /** The set of write buffers that belongs to this store's present state; zeros if none does. */
  UUID bufferSet() throws IOException {
    Path path = resolve("buffers");
    if (!files.exists(path)) {
      return new UUID(0, 0);
    }
    byte[] bytes = new byte[16];
    try (HostFile file = files.open(path)) {
      file.read(0, bytes, 0, bytes.length);
    }
    Decoder in = new Decoder(path.toString(), bytes);
    return new UUID(in.getLong(), in.getLong());
  }

  void bufferSet(UUID set) throws IOException {
    writeSmall("buffers", new byte[0], set);
    files.syncDirectory(directory);
  }

  private void writeSmall(String name, byte[] head, UUID id) throws IOException {
    Encoder out = new Encoder(32).putBytes(head);
    out.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    Path fresh = resolve(name + ".new");
    files.delete(fresh);
    try (HostFile file = files.create(fresh)) {
      file.write(0, out.array(), 0, out.size());
      file.sync();
    }
    files.rename(fresh, resolve(name));
  }

  @Override
  public void close() throws IOException {
    lockFile.close();
    HELD.remove(directory.toRealPath());
  }
}
