package io.bailey.vm;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A log file that another process appends to, kept within a limit: past it the file's content moves
 * to {@code FILE.1}, replacing what was there, and the file starts again. The writer has it open
 * for appending, so it notices nothing; what it writes in the microseconds between the copy and the
 * cut is lost.
 */
final class ConsoleLog {
  static final long DEFAULT_LIMIT_BYTES = 1 << 20;
  private static final int TAIL_BYTES = 4096;

  private final Path file;
  private final long limitBytes;

  ConsoleLog(Path file, long limitBytes) {
    this.file = file;
    this.limitBytes = limitBytes;
  }

  Path file() {
    return file;
  }

  private Path older() {
    return file.resolveSibling(file.getFileName() + ".1");
  }

  long size() {
    return file.toFile().length();
  }

  /** Moves the content away if there is too much of it; says whether it did. */
  boolean rotateIfLarge() throws IOException {
    if (size() <= limitBytes) {
      return false;
    }
    try (FileChannel from =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      long size = from.size();
      long start = Math.max(0, size - limitBytes);
      Path part = older().resolveSibling(older().getFileName() + ".part");
      try (FileChannel to =
          FileChannel.open(
              part,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        for (long at = start; at < size; ) {
          long copied = from.transferTo(at, size - at, to);
          if (copied <= 0) {
            break;
          }
          at += copied;
        }
      }
      Files.move(
          part, older(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      from.truncate(0);
    }
    return true;
  }

  /** Up to {@code maxBytes} bytes from a place on; none if the file ends there or is missing. */
  byte[] read(long offset, int maxBytes) throws IOException {
    long available = Math.min(maxBytes, size() - offset);
    if (available <= 0) {
      return new byte[0];
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer buffer = ByteBuffer.allocate((int) available);
      while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) >= 0) {}
      byte[] bytes = new byte[buffer.flip().remaining()];
      buffer.get(bytes);
      return bytes;
    }
  }

  /** Writes the older part, if there is one, to a stream. */
  void copyOlder(OutputStream out) throws IOException {
    if (Files.exists(older())) {
      Files.copy(older(), out);
    }
  }

  /** The last line that isn't blank, without control characters and at most 200 long; or "". */
  String lastLine() {
    try {
      byte[] tail = read(Math.max(0, size() - TAIL_BYTES), TAIL_BYTES);
      String line = new String(tail, UTF_8).strip();
      line = line.substring(line.lastIndexOf('\n') + 1).replaceAll("\\p{Cntrl}", "").strip();
      return line.length() > 200 ? line.substring(0, 200) + "…" : line;
    } catch (IOException e) {
      return "";
    }
  }
}
