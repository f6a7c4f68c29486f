package io.bailey.volume;

import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.LocalFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * The host's files with a count of what is read from and written to them, but for those in the
 * memory directory, which are no disk's. Thread-safe.
 */
public final class CountedFiles implements HostFiles {
  private final HostFiles files = new LocalFiles();
  private final Path memory;
  private final LongAdder writes = new LongAdder();
  private final LongAdder bytesWritten = new LongAdder();
  private final LongAdder reads = new LongAdder();
  private final LongAdder bytesRead = new LongAdder();

  /**
   * @param memory the store's memory directory
   */
  public CountedFiles(Path memory) {
    this.memory = memory;
  }

  /** Opens a store whose files are counted here. */
  public Store openStore(StoreOptions options) throws IOException {
    return Store.open(options, this);
  }

  public long writes() {
    return writes.sum();
  }

  public long bytesWritten() {
    return bytesWritten.sum();
  }

  public long reads() {
    return reads.sum();
  }

  public long bytesRead() {
    return bytesRead.sum();
  }

  private HostFile counted(Path path, HostFile file) {
    return path.startsWith(memory) ? file : new Counted(file);
  }

  @Override
  public long usableBytes(Path directory) throws IOException {
    return files.usableBytes(directory);
  }

  private final class Counted implements HostFile {
    private final HostFile file;

    Counted(HostFile file) {
      this.file = file;
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      file.read(offset, dst, dstOffset, length);
      reads.increment();
      bytesRead.add(length);
    }

    @Override
    public boolean tryRead(long offset, byte[] dst, int dstOffset, int length) throws IOException {
      if (!file.tryRead(offset, dst, dstOffset, length)) {
        return false;
      }
      reads.increment();
      bytesRead.add(length);
      return true;
    }

    @Override
    public void allocate(long bytes) throws IOException {
      file.allocate(bytes);
    }

    @Override
    public void writeOut(long offset, long length) {
      file.writeOut(offset, length);
    }

    @Override
    public void renamed(Path to) {
      file.renamed(to);
    }

    @Override
    public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
      file.write(offset, src, srcOffset, length);
      writes.increment();
      bytesWritten.add(length);
    }

    @Override
    public void sync() throws IOException {
      file.sync();
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }

  @Override
  public HostFile open(Path path) throws IOException {
    return counted(path, files.open(path));
  }

  @Override
  public HostFile create(Path path) throws IOException {
    return counted(path, files.create(path));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    files.rename(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    files.delete(path);
  }

  @Override
  public void createDirectories(Path path) throws IOException {
    files.createDirectories(path);
  }

  @Override
  public List<String> list(Path directory) throws IOException {
    return files.list(directory);
  }

  @Override
  public boolean exists(Path path) {
    return files.exists(path);
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    files.syncDirectory(directory);
  }
}
