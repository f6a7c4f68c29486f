package io.bailey.volume;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** A writable disk. PLACEHOLDER: a sparse file stands in until the dubtree lands. */
public final class Volume implements BlockDevice {
  private final String name;
  private final VolumeSpec spec;
  private final FileChannel file;
  private final Instant created = Instant.now();

  Volume(String name, VolumeSpec spec, Path path) throws IOException {
    this.name = name;
    this.spec = spec;
    this.file =
        FileChannel.open(
            path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
  }

  public String name() {
    return name;
  }

  /** The image it was forked from, if any. */
  public Optional<ImageName> from() {
    return spec.from();
  }

  public Durability durability() {
    return spec.durability();
  }

  public Instant created() {
    return created;
  }

  public VolumeStats stats() {
    return new VolumeStats(0, 0, List.of(), 0, 0, 0, 0, 0, 0);
  }

  @Override
  public long size() {
    return spec.size();
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(dst, dstOffset, length);
    while (buffer.hasRemaining()) {
      int n = file.read(buffer, offset + buffer.position() - dstOffset);
      if (n < 0) {
        while (buffer.hasRemaining()) {
          buffer.put((byte) 0);
        }
      }
    }
  }

  @Override
  public boolean tryRead(long offset, byte[] dst, int dstOffset, int length) {
    return false;
  }

  @Override
  public void write(long offset, byte[] src, int srcOffset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(src, srcOffset, length);
    while (buffer.hasRemaining()) {
      file.write(buffer, offset + buffer.position() - srcOffset);
    }
  }

  @Override
  public boolean tryWrite(long offset, byte[] src, int srcOffset, int length) {
    return false;
  }

  @Override
  public void zero(long offset, long length, boolean allocate) throws IOException {
    byte[] zeros = new byte[1 << 16];
    for (long at = 0; at < length; at += zeros.length) {
      write(offset + at, zeros, 0, (int) Math.min(zeros.length, length - at));
    }
  }

  @Override
  public void trim(long offset, long length) throws IOException {
    zero(offset, length, false);
  }

  @Override
  public void flush() throws IOException {
    file.force(false);
  }

  @Override
  public void prefetch(long offset, long length) {}

  @Override
  public void extents(long offset, long length, ExtentVisitor visitor) {
    visitor.extent(length, ExtentKind.DATA);
  }

  void close() throws IOException {
    file.close();
  }
}
