package io.bailey.volume;

import io.bailey.io.SparseFiles;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A raw disk image, sparse or not, or a block device. Files that are plainly something else
 * (another disk format, a compressed file) are refused: taken as raw they would make a disk that no
 * guest can read. Not thread-safe.
 */
public final class RawFileSource implements DiskSource {
  private static final int TYPE_MASK = 0170000;
  private static final int BLOCK_DEVICE = 0060000;
  private static final int REGULAR_FILE = 0100000;
  private static final int DIRECTORY = 0040000;
  private static final int SECTOR_BYTES = 512;

  private final Path path;
  private final FileChannel file;
  private final SparseFiles.Holes holes;
  private final long size;

  private RawFileSource(Path path, FileChannel file, SparseFiles.Holes holes, long size) {
    this.path = path;
    this.file = file;
    this.holes = holes;
    this.size = size;
  }

  /**
   * Opens a disk image.
   *
   * @throws StorageException kind {@code INVALID}, one line that says what is wrong with the file
   */
  public static RawFileSource open(Path path) throws IOException {
    try {
      checkType(path);
      FileChannel file = FileChannel.open(path, StandardOpenOption.READ);
      try {
        long size = file.size();
        checkFormat(path, file, size);
        checkSize(path, size);
        return new RawFileSource(path, file, SparseFiles.open(path), size);
      } catch (IOException | RuntimeException e) {
        file.close();
        throw e;
      }
    } catch (IOException e) {
      throw told(path, e);
    }
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public long nextData(long offset) {
    return offset >= size ? size : holes.nextData(offset, size);
  }

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(dst, dstOffset, length);
    while (buffer.hasRemaining()) {
      long at = offset + buffer.position() - dstOffset;
      int count;
      try {
        count = file.read(buffer, at);
      } catch (IOException e) {
        throw new StorageException(
            StorageException.Kind.IO,
            "cannot read " + path + " at byte " + at + ": " + e.getMessage(),
            e);
      }
      if (count < 0) {
        throw new StorageException(
            StorageException.Kind.INVALID,
            path
                + " was cut short at byte "
                + at
                + " while it was read: import it when it is still");
      }
    }
  }

  @Override
  public void close() throws IOException {
    try (file) {
      holes.close();
    }
  }

  /** Before the file is opened, since opening a pipe would wait for a writer. */
  private static void checkType(Path path) throws IOException {
    int type = (int) Files.getAttribute(path, "unix:mode") & TYPE_MASK;
    if (type == DIRECTORY) {
      throw invalid(path + " is a directory: name a raw disk image or a block device");
    }
    if (type != REGULAR_FILE && type != BLOCK_DEVICE) {
      throw invalid(path + " is not a file: name a raw disk image or a block device");
    }
  }

  private static void checkSize(Path path, long size) throws StorageException {
    if (size == 0) {
      throw invalid(path + " is empty: a disk has at least " + SECTOR_BYTES + " bytes");
    }
    if (size % SECTOR_BYTES != 0) {
      long rounded = size + SECTOR_BYTES - size % SECTOR_BYTES;
      throw invalid(
          path
              + " has "
              + size
              + " bytes, which is no multiple of "
              + SECTOR_BYTES
              + ": it may be cut short; if not, 'truncate -s "
              + rounded
              + "' makes it a disk");
    }
  }

  private static void checkFormat(Path path, FileChannel file, long size) throws IOException {
    byte[] head = bytes(file, 0, SECTOR_BYTES);
    String format = diskFormat(head);
    if (format == null
        && size >= SECTOR_BYTES
        && startsWith(bytes(file, size - SECTOR_BYTES, 8), 0, "conectix")) {
      format = "VHD";
    }
    if (format != null) {
      throw invalid(
          path
              + " is a "
              + format
              + " file, not a raw image: convert it with 'qemu-img convert -O raw' first");
    }
    String packer = packer(head);
    if (packer != null) {
      throw invalid(path + " is compressed: unpack it with '" + packer + "' first");
    }
  }

  private static @Nullable String diskFormat(byte[] head) {
    if (startsWith(head, 0, "QFI\u00fb")) {
      return "qcow2";
    } else if (startsWith(head, 0, "KDMV")
        || startsWith(head, 0, "COWD")
        || startsWith(head, 0, "# Disk DescriptorFile")) {
      return "VMDK";
    } else if (startsWith(head, 0, "conectix")) {
      return "VHD";
    } else if (startsWith(head, 0, "vhdxfile")) {
      return "VHDX";
    } else if (startsWith(head, 0, "QED\0")) {
      return "QED";
    } else if (startsWith(head, 64, "\u007f\u0010\u00da\u00be")) {
      return "VDI";
    }
    return null;
  }

  private static @Nullable String packer(byte[] head) {
    if (startsWith(head, 0, "\u001f\u008b\b")) {
      return "gunzip";
    } else if (startsWith(head, 0, "\u00fd7zXZ\0")) {
      return "unxz";
    } else if (startsWith(head, 0, "(\u00b5/\u00fd")) {
      return "unzstd";
    }
    return null;
  }

  private static boolean startsWith(byte[] bytes, int from, String magic) {
    byte[] wanted = magic.getBytes(StandardCharsets.ISO_8859_1);
    return Arrays.equals(bytes, from, from + wanted.length, wanted, 0, wanted.length);
  }

  private static byte[] bytes(FileChannel file, long offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    while (buffer.hasRemaining() && file.read(buffer, offset + buffer.position()) >= 0) {}
    return buffer.array();
  }

  private static IOException told(Path path, IOException e) {
    return switch (e) {
      case StorageException known -> known;
      case NoSuchFileException missing -> invalid("no such file: " + path);
      case AccessDeniedException denied ->
          invalid("no right to read " + path + ": the daemon's user needs it");
      case FileSystemException other when other.getReason() != null ->
          invalid("cannot open " + path + ": " + other.getReason());
      default ->
          new StorageException(
              StorageException.Kind.IO, "cannot read " + path + ": " + e.getMessage(), e);
    };
  }

  private static StorageException invalid(String message) {
    return new StorageException(StorageException.Kind.INVALID, message);
  }
}
