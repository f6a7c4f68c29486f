package io.bailey.io;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A directory on a real memory file system, which the engine maps and a test copies and puts back.
 * What is written of zeros to a new file isn't, so that a test with many stores is quick.
 */
public final class MemoryFiles implements HostFiles {
  private static final int PAGE = 4096;
  private static final byte[] ZEROS = new byte[1 << 16];

  private final LocalFiles real = new LocalFiles();
  private final Path directory;

  public MemoryFiles(Path directory) {
    this.directory = directory;
  }

  private record Piece(long offset, byte[] bytes) {}

  private record Copy(Path path, long size, List<Piece> pieces) {}

  /** What was in the directory at one moment. */
  public static final class Snapshot {
    private final List<Copy> files = new ArrayList<>();
  }

  public Snapshot snapshot() throws IOException {
    Snapshot snapshot = new Snapshot();
    for (Path path : files()) {
      snapshot.files.add(copy(path));
    }
    return snapshot;
  }

  private List<Path> files() throws IOException {
    if (!Files.exists(directory)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(directory)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }

  private static Copy copy(Path path) throws IOException {
    List<Piece> pieces = new ArrayList<>();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
        SparseFiles.Holes holes = SparseFiles.open(path)) {
      long size = channel.size();
      for (long at = holes.nextData(0, size); at < size; at = holes.nextData(at + PAGE, size)) {
        ByteBuffer page = ByteBuffer.allocate((int) Math.min(PAGE, size - at));
        channel.read(page, at);
        // Of a mapping that was touched, pages of zeros are there too.
        if (Arrays.mismatch(page.array(), 0, page.capacity(), ZEROS, 0, page.capacity()) >= 0) {
          pieces.add(new Piece(at, page.array()));
        }
      }
      return new Copy(path, size, pieces);
    }
  }

  /** Empties the directory, as a power cut does. */
  public void clear() throws IOException {
    for (Path path : files()) {
      Files.delete(path);
    }
  }

  /** Puts back, in the place of what is there, what another such directory had. */
  public void restore(Snapshot snapshot, Path from) throws IOException {
    clear();
    for (Copy copy : snapshot.files) {
      Path path = directory.resolve(from.relativize(copy.path));
      Files.createDirectories(path.getParent());
      try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
        file.setLength(copy.size);
        for (Piece piece : copy.pieces) {
          file.seek(piece.offset);
          file.write(piece.bytes);
        }
      }
    }
  }

  public Path directory() {
    return directory;
  }

  @Override
  public HostFile open(Path path) throws IOException {
    return real.open(path);
  }

  @Override
  public long usableBytes(Path directory) {
    return Long.MAX_VALUE;
  }

  @Override
  public HostFile create(Path path) throws IOException {
    return new Fresh(path, real.create(path));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    real.rename(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    real.delete(path);
  }

  @Override
  public void createDirectories(Path path) throws IOException {
    real.createDirectories(path);
  }

  @Override
  public List<String> list(Path path) throws IOException {
    return real.list(path).stream().sorted().toList();
  }

  @Override
  public boolean exists(Path path) {
    return real.exists(path);
  }

  @Override
  public void syncDirectory(Path path) throws IOException {
    real.syncDirectory(path);
  }

  private static final class Fresh implements HostFile {
    private final Path path;
    private final HostFile file;
    private long end;

    Fresh(Path path, HostFile file) {
      this.path = path;
      this.file = file;
    }

    @Override
    public long size() throws IOException {
      return Math.max(end, file.size());
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      extend();
      file.read(offset, dst, dstOffset, length);
    }

    @Override
    public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
      boolean zeros =
          length <= ZEROS.length
              && offset >= file.size()
              && Arrays.equals(src, srcOffset, srcOffset + length, ZEROS, 0, length);
      if (zeros) {
        end = Math.max(end, offset + length);
      } else {
        file.write(offset, src, srcOffset, length);
      }
    }

    private void extend() throws IOException {
      if (end > file.size()) {
        try (RandomAccessFile grown = new RandomAccessFile(path.toFile(), "rw")) {
          grown.setLength(end);
        }
      }
    }

    @Override
    public void sync() throws IOException {
      file.sync();
    }

    @Override
    public void close() throws IOException {
      extend();
      file.close();
    }
  }
}
