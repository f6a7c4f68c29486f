package io.bailey.daemon;

import io.bailey.io.StorageException;
import io.bailey.nbd.NbdServer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * The directory of a daemon's sockets, held by one living daemon at a time.
 *
 * <p>{@code bailey.lock} carries a file lock, which the kernel drops with the process, so whatever
 * sockets lie here when the lock is had are stale. The process id stands in {@code bailey.pid}, a
 * file of its own: opening and closing the locked file would drop this process's lock.
 */
final class RunDirectory implements AutoCloseable {
  /** Longest path of a Unix socket: {@code sun_path} is 108 bytes with its closing zero. */
  static final int SOCKET_PATH_BYTES = 107;

  private static final String LOCK = "bailey.lock";
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> OWNER_ONLY_FILE =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final FileChannel lockFile;

  private RunDirectory(Path directory, FileChannel lockFile) {
    this.directory = directory;
    this.lockFile = lockFile;
  }

  /**
   * Makes the directory where it is missing, takes it, and clears stale sockets away.
   *
   * @throws StorageException kind {@code IN_USE} names the process that has it; {@code INVALID} for
   *     a path too long for a socket, or one that can't be a directory of ours
   */
  static RunDirectory take(Path path) throws StorageException {
    checkSocketPath(path.resolve("bailey.sock"), "--run-dir");
    try {
      failIfOthersUse(path);
      makeOwnerOnly(path);
      Path directory = path.toRealPath();
      if (!HELD_HERE.add(directory)) {
        throw inUse(path);
      }
      try {
        return new RunDirectory(path, lock(directory, path)).cleared();
      } catch (IOException | RuntimeException e) {
        HELD_HERE.remove(directory);
        throw e;
      }
    } catch (StorageException e) {
      throw e;
    } catch (IOException e) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "cannot use run directory " + path + ": " + reason(e) + "; give another with --run-dir",
          e);
    }
  }

  Path directory() {
    return directory;
  }

  Path controlSocket() {
    return directory.resolve("bailey.sock");
  }

  /**
   * The socket of a volume, in a directory of its own, which exists on return.
   *
   * @throws StorageException kind {@code INVALID} if the path is too long
   */
  Path volumeSocket(String volume) throws IOException {
    Path parent = directory.resolve("nbd").resolve(volume);
    Path socket = socketIn(parent);
    checkSocketPath(socket, "volume name or --run-dir");
    makeOwnerOnly(parent);
    return socket;
  }

  /** Removes what {@link #volumeSocket} made. */
  void removeVolumeSocket(String volume) throws IOException {
    Path parent = directory.resolve("nbd").resolve(volume);
    Files.deleteIfExists(socketIn(parent));
    Files.deleteIfExists(parent);
  }

  private static Path socketIn(Path volumeDirectory) {
    return volumeDirectory.resolve("nbd.sock");
  }

  /** Where the control socket is bound before it has its rights; the directory is there then. */
  Path makeCradle() throws IOException {
    Path cradle = directory.resolve(".c").resolve("s");
    Files.deleteIfExists(cradle);
    makeOwnerOnly(directory.resolve(".c"));
    return cradle;
  }

  /** Makes the socket its owner's alone and puts it in its place. */
  Path takeFromCradle(Path cradle) throws IOException {
    Files.setPosixFilePermissions(cradle, OWNER_ONLY_FILE);
    Files.move(cradle, controlSocket(), StandardCopyOption.ATOMIC_MOVE);
    Files.delete(directory.resolve(".c"));
    return controlSocket();
  }

  /** Makes a directory, 0700 from birth, or checks that an existing one is; parents as usual. */
  static void makeOwnerOnly(Path directory) throws IOException {
    Path parent = directory.getParent();
    if (parent != null && !Files.isDirectory(parent)) {
      makeParents(parent);
    }
    if (!Files.isDirectory(directory)) {
      Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    }
    int owner = owner(directory);
    if (owner != self()) {
      throw new FileSystemException(
          directory.toString(), null, "it belongs to another user (uid " + owner + ")");
    }
    if (!Files.getPosixFilePermissions(directory).equals(OWNER_ONLY)) {
      Files.setPosixFilePermissions(directory, OWNER_ONLY);
    }
  }

  /** Whether a directory is one that we may make ours alone: a new one, or Bailey's. */
  private static void failIfOthersUse(Path directory) throws IOException {
    if (!Files.isDirectory(directory)
        || Files.getPosixFilePermissions(directory).equals(OWNER_ONLY)
        || Files.exists(directory.resolve(LOCK), LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> files = Files.list(directory)) {
      if (files.findAny().isPresent()) {
        throw new FileSystemException(directory.toString(), null, "others use it");
      }
    }
  }

  /** The user id of who owns a file, or a link. */
  static int owner(Path file) throws IOException {
    return (int) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
  }

  /** The user id of this process. */
  static int self() throws IOException {
    return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  /** What a user can be told about a failed system call on a file. */
  static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException denied -> "no right to " + denied.getFile();
      case NoSuchFileException missing -> "no such file: " + missing.getFile();
      case FileSystemException other when other.getReason() != null -> other.getReason();
      case FileSystemException other ->
          other.getClass().getSimpleName().replace("Exception", "") + ": " + other.getFile();
      default -> String.valueOf(e.getMessage());
    };
  }

  /** Removes the control socket and lets go of the directory. */
  @Override
  public void close() throws IOException {
    try (lockFile) {
      Files.deleteIfExists(controlSocket());
      Files.deleteIfExists(directory.resolve("nbd"));
      Files.deleteIfExists(directory.resolve("bailey.pid"));
    } finally {
      HELD_HERE.remove(directory.toRealPath());
    }
  }

  private static void makeParents(Path parent) throws IOException {
    Files.createDirectories(parent, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
  }

  private static FileChannel lock(Path directory, Path shown) throws IOException {
    FileChannel channel =
        FileChannel.open(
            directory.resolve(LOCK),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(OWNER_ONLY_FILE));
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw inUse(shown);
      }
      String pid = ProcessHandle.current().pid() + "\n";
      try (FileChannel pidFile =
          FileChannel.open(
              directory.resolve("bailey.pid"),
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        pidFile.write(ByteBuffer.wrap(pid.getBytes(StandardCharsets.US_ASCII)));
      }
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private RunDirectory cleared() throws IOException {
    Files.deleteIfExists(controlSocket());
    Path exports = directory.resolve("nbd");
    makeOwnerOnly(exports);
    try (DirectoryStream<Path> volumes = Files.newDirectoryStream(exports)) {
      for (Path volume : volumes) {
        NbdServer.clear(socketIn(volume));
        Files.deleteIfExists(volume);
      }
    }
    return this;
  }

  private static StorageException inUse(Path path) {
    String pid;
    try {
      pid = Files.readString(path.resolve("bailey.pid")).trim();
    } catch (IOException e) {
      pid = "of unknown id";
    }
    return new StorageException(
        StorageException.Kind.IN_USE,
        "run directory "
            + path
            + " is in use by process "
            + pid
            + ": stop that daemon, or give another directory with --run-dir");
  }

  private static void checkSocketPath(Path socket, String what) throws StorageException {
    int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > SOCKET_PATH_BYTES) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "socket path "
              + socket
              + " is "
              + bytes
              + " bytes and the system allows "
              + SOCKET_PATH_BYTES
              + ": use a shorter "
              + what);
    }
  }
}
