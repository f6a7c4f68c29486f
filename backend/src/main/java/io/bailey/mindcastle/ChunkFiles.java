package io.bailey.mindcastle;

import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** The chunks of a disk, of which only some are open at a time. One thread. */
final class ChunkFiles implements Chunks {
  private static final int MAX_OPEN = 64;

  private final SwapFile disk;

  /** The one that was used last is the last. */
  private final Map<String, Opened> open = new LinkedHashMap<>(MAX_OPEN, 0.75f, true);

  private record Opened(Path path, FileChannel channel) {}

  ChunkFiles(SwapFile disk) {
    this.disk = disk;
  }

  @Override
  public long size(String id) throws IOException {
    Opened file = opened(id);
    try {
      return file.channel.size();
    } catch (IOException e) {
      throw LocalFiles.failure("read", file.path, e);
    }
  }

  @Override
  public void read(String id, long offset, byte[] dst, int length) throws IOException {
    Opened file = opened(id);
    ByteBuffer buffer = ByteBuffer.wrap(dst, 0, length);
    while (buffer.hasRemaining()) {
      int count;
      try {
        count = file.channel.read(buffer, offset + buffer.position());
      } catch (IOException e) {
        throw LocalFiles.failure("read", file.path, e);
      }
      if (count < 0) {
        throw new StorageException(
            Kind.DAMAGED,
            file.path + " was cut short: it has no byte " + (offset + buffer.position()));
      }
    }
  }

  private Opened opened(String id) throws IOException {
    Opened known = open.get(id);
    if (known != null) {
      return known;
    }
    if (open.size() == MAX_OPEN) {
      Iterator<Opened> oldest = open.values().iterator();
      oldest.next().channel.close();
      oldest.remove();
    }
    for (Path directory : disk.directories()) {
      Path path = directory.resolve(id + ".lvl");
      // Opening a pipe would wait for who writes to it.
      if (Files.isRegularFile(path)) {
        try {
          Opened file = new Opened(path, FileChannel.open(path, StandardOpenOption.READ));
          open.put(id, file);
          return file;
        } catch (IOException e) {
          throw LocalFiles.failure("open", path, e);
        }
      }
    }
    String elsewhere =
        disk.remotes().isEmpty() ? "" : "; fetch it from " + disk.remotes().getFirst() + " first";
    throw new StorageException(
        Kind.INVALID,
        disk.path() + " needs " + id + ".lvl, which isn't in " + disk.directories() + elsewhere);
  }

  @Override
  public void close() throws IOException {
    for (Opened file : open.values()) {
      file.channel.close();
    }
    open.clear();
  }
}
