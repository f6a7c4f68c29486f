package io.bailey.nbd;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import jdk.net.ExtendedSocketOptions;
import jdk.net.UnixDomainPrincipal;

/**
 * A Unix socket for this process's user and root alone.
 *
 * <p>A socket gets its mode from the process's umask, which Java can't set. So it is bound in a
 * fresh directory that only its owner may enter, made 0600 there, and then moved to its place:
 * under its name it never had other rights. The move also replaces what a dead process left.
 */
final class UnixListener implements AutoCloseable {
  /** The longest path of a Unix socket that Linux takes, in bytes. */
  static final int MAX_PATH_BYTES = 107;

  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> OWNER_DIRECTORY =
      PosixFilePermissions.fromString("rwx------");
  private static final int BACKLOG = 128;

  private final ServerSocketChannel server;
  private final Path socket;
  private final String owner;

  private UnixListener(ServerSocketChannel server, Path socket, String owner) {
    this.server = server;
    this.socket = socket;
    this.owner = owner;
  }

  /**
   * Binds a socket, making its directory, 0700, or the last part of its path that is missing.
   *
   * @throws StorageException of kind INVALID for a path too long, EXISTS where a file is in the way
   *     that is no socket, IO for the rest
   */
  static UnixListener bind(Path path) throws StorageException {
    Path socket = path.toAbsolutePath().normalize();
    Path directory = socket.getParent();
    if (directory == null) {
      throw new StorageException(Kind.INVALID, "socket " + socket + ": not a file's path");
    }
    Path nursery = nursery(socket);
    Path cradle = cradle(socket);
    int longest = Math.max(bytes(socket), bytes(cradle));
    if (longest > MAX_PATH_BYTES) {
      throw new StorageException(
          Kind.INVALID,
          "socket "
              + socket
              + ": the path needs "
              + longest
              + " bytes, a Unix socket's may have "
              + MAX_PATH_BYTES
              + "; use a shorter run directory");
    }
    if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS) && !isSocket(socket)) {
      throw new StorageException(Kind.EXISTS, "socket " + socket + ": a file is in its place");
    }
    try {
      Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(OWNER_DIRECTORY));
      Files.setPosixFilePermissions(directory, OWNER_DIRECTORY);
      return bindIn(nursery, cradle, socket);
    } catch (IOException e) {
      throw new StorageException(
          Kind.IO, "socket " + socket + ": can't listen: " + e.getMessage(), e);
    }
  }

  /** Removes what a dead process left, also of a socket that it was just binding. */
  static void clear(Path socket) throws IOException {
    Files.deleteIfExists(socket);
    Files.deleteIfExists(cradle(socket));
    Files.deleteIfExists(nursery(socket));
  }

  /** The fresh directory beside a socket. */
  private static Path nursery(Path socket) {
    return socket.resolveSibling(".n");
  }

  private static Path cradle(Path socket) {
    return nursery(socket).resolve("s");
  }

  private static UnixListener bindIn(Path nursery, Path cradle, Path socket) throws IOException {
    Files.deleteIfExists(cradle);
    Files.deleteIfExists(nursery);
    Files.createDirectory(nursery, PosixFilePermissions.asFileAttribute(OWNER_DIRECTORY));
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    boolean done = false;
    try {
      server.bind(UnixDomainSocketAddress.of(cradle), BACKLOG);
      Files.setPosixFilePermissions(cradle, OWNER_ONLY);
      String owner = Files.getOwner(cradle).getName();
      Files.move(cradle, socket, StandardCopyOption.ATOMIC_MOVE);
      done = true;
      return new UnixListener(server, socket, owner);
    } finally {
      if (!done) {
        server.close();
        Files.deleteIfExists(cradle);
      }
      Files.deleteIfExists(nursery);
    }
  }

  Path socket() {
    return socket;
  }

  SocketChannel accept() throws IOException {
    return server.accept();
  }

  /** Whether the client at the other end runs as this process's user, or as root. */
  boolean trusts(SocketChannel client) throws IOException {
    UnixDomainPrincipal peer = client.getOption(ExtendedSocketOptions.SO_PEERCRED);
    String user = peer.user().getName();
    return user.equals(owner) || user.equals("root") || user.equals("0");
  }

  /** Stops listening and removes the socket's file. */
  @Override
  public void close() throws IOException {
    try {
      server.close();
    } finally {
      Files.deleteIfExists(socket);
    }
  }

  private static boolean isSocket(Path path) throws StorageException {
    try {
      int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      return (mode & 0170000) == 0140000;
    } catch (IOException e) {
      throw new StorageException(Kind.IO, "socket " + path + ": " + e.getMessage(), e);
    }
  }

  private static int bytes(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }
}
