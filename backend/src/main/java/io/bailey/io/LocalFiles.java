package io.bailey.io;

import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The real file system, through {@link FileChannel}s. Threads that use it are never interrupted.
 */
public final class LocalFiles implements HostFiles {
  private static final FileAttribute<Set<PosixFilePermission>> FILE_MODE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<Set<PosixFilePermission>> DIRECTORY_MODE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /** Turns a failure of the host into one line that names the file. */
  public static StorageException failure(String verb, Path path, IOException e) {
    String text = StorageException.reasonOf(e);
    if (text.toLowerCase(Locale.ROOT).contains("no space left")
        || text.contains("Disk quota exceeded")) {
      return new StorageException(
          Kind.NO_SPACE, "no space left for " + path + ": make room on that disk", e);
    }
    if (e instanceof NoSuchFileException) {
      return new StorageException(
          Kind.NOT_FOUND, "can't " + verb + " " + path + ": no such file", e);
    }
    if (e instanceof FileAlreadyExistsException) {
      return new StorageException(Kind.EXISTS, "can't " + verb + " " + path + ": it exists", e);
    }
    return new StorageException(Kind.IO, "can't " + verb + " " + path + ": " + text, e);
  }

  @Override
  public HostFile open(Path path) throws IOException {
    try {
      return new LocalFile(
          path, FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
    } catch (IOException e) {
      String text = String.valueOf(e.getMessage());
      if (text.endsWith("Is a directory") || text.contains("Too many levels of symbolic links")) {
        throw new StorageException(
            Kind.DAMAGED, path + " is no file, but a directory or a link that leads nowhere", e);
      }
      throw failure("open", path, e);
    }
  }

  @Override
  public HostFile create(Path path) throws IOException {
    try {
      return new LocalFile(
          path,
          FileChannel.open(
              path,
              Set.of(
                  StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
              FILE_MODE));
    } catch (IOException e) {
      throw failure("create", path, e);
    }
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw failure("rename to", to, e);
    }
  }

  @Override
  public void delete(Path path) throws IOException {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw failure("delete", path, e);
    }
  }

  @Override
  public void createDirectories(Path path) throws IOException {
    try {
      Files.createDirectories(path, DIRECTORY_MODE);
    } catch (IOException e) {
      throw failure("make directory", path, e);
    }
  }

  @Override
  public List<String> list(Path directory) throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      entries.forEach(entry -> names.add(String.valueOf(entry.getFileName())));
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (DirectoryIteratorException e) {
      throw failure("list", directory, Objects.requireNonNull(e.getCause()));
    } catch (IOException e) {
      throw failure("list", directory, e);
    }
    return names;
  }

  @Override
  public boolean exists(Path path) {
    return Files.exists(path);
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      throw failure("sync", directory, e);
    }
  }

  @Override
  public long usableBytes(Path directory) throws IOException {
    try {
      return Files.getFileStore(directory).getUsableSpace();
    } catch (IOException e) {
      throw failure("ask for the room of", directory, e);
    }
  }

  private static final class LocalFile implements HostFile {
    private static final int NOT_OPEN = -2;

    private final FileChannel channel;
    private volatile Path path;

    /** Opened when it is first asked for. Guarded by {@code this} until then. */
    private volatile @Nullable NoWaitReader noWait;

    private boolean closed;

    /** A descriptor of our own, for the JDK doesn't tell its. Guarded by {@code this}. */
    private int hints = NOT_OPEN;

    LocalFile(Path path, FileChannel channel) {
      this.path = path;
      this.channel = channel;
    }

    @Override
    public boolean tryRead(long offset, byte[] dst, int dstOffset, int length) {
      NoWaitReader reader = noWait;
      if (reader == null) {
        reader = openNoWait();
      }
      return reader != null && reader.tryRead(offset, dst, dstOffset, length);
    }

    private synchronized @Nullable NoWaitReader openNoWait() {
      if (noWait == null && !closed) {
        noWait = new NoWaitReader(path);
      }
      return noWait;
    }

    @Override
    public long size() throws IOException {
      try {
        return channel.size();
      } catch (IOException e) {
        throw failure("ask for the size of", path, e);
      }
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      ByteBuffer buffer = ByteBuffer.wrap(dst, dstOffset, length);
      while (buffer.hasRemaining()) {
        int n;
        try {
          n = channel.read(buffer, offset + buffer.position() - dstOffset);
        } catch (java.nio.channels.ClosedChannelException e) {
          throw e;
        } catch (IOException e) {
          throw failure("read " + length + " bytes at offset " + offset + " of", path, e);
        }
        if (n < 0) {
          throw new StorageException(
              Kind.DAMAGED, path + " ends at " + channel.size() + ", before " + (offset + length));
        }
      }
    }

    @Override
    public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
      ByteBuffer buffer = ByteBuffer.wrap(src, srcOffset, length);
      while (buffer.hasRemaining()) {
        try {
          channel.write(buffer, offset + buffer.position() - srcOffset);
        } catch (IOException e) {
          throw failure("write " + length + " bytes at offset " + offset + " of", path, e);
        }
      }
    }

    @Override
    public void allocate(long bytes) throws IOException {
      int fd = Posix.open(path, Posix.O_RDWR);
      int error = fd < 0 ? -1 : Posix.allocate(fd, bytes);
      if (fd >= 0) {
        Posix.close(fd);
      }
      if (error == Posix.ENOSPC) {
        throw new StorageException(
            Kind.NO_SPACE, "no space left for " + path + ": make room on that disk");
      }
      if (error != 0) {
        // Not every file system can; writing says what is wrong.
        HostFile.super.allocate(bytes);
      }
    }

    @Override
    public synchronized void writeOut(long offset, long length) {
      if (hints == NOT_OPEN && !closed) {
        hints = Posix.open(path, Posix.O_RDWR);
      }
      if (hints >= 0) {
        Posix.writeOut(hints, offset, length);
      }
    }

    @Override
    public void renamed(Path to) {
      path = to;
    }

    @Override
    public void sync() throws IOException {
      try {
        channel.force(false);
      } catch (IOException e) {
        throw failure("sync", path, e);
      }
    }

    @Override
    public void close() throws IOException {
      synchronized (this) {
        closed = true;
        NoWaitReader reader = noWait;
        if (reader != null) {
          reader.close();
        }
        if (hints >= 0) {
          Posix.close(hints);
          hints = NOT_OPEN;
        }
      }
      channel.close();
    }
  }
}
