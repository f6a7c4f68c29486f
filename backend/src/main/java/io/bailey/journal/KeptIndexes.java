package io.bailey.journal;

import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the log's records say, once more and in the clear, on a memory file system: a process that
 * comes after this one was killed reads it in place of the records, whose indexes it would have to
 * open one by one. It is memory, as write buffers are, so it doesn't go through the engine's file
 * seam. Nothing depends on it: what isn't kept, or isn't whole, is read from the log. Bounded; not
 * thread-safe.
 *
 * <h2>The file of a segment, {@code log-} and its number</h2>
 *
 * <pre>
 *   0  BAILEYI version(1)   8  id of the set of buffers that it lies beside
 *  24  of each record: its header of 160 bytes, its index, CRC32C of both (4)
 * </pre>
 */
public final class KeptIndexes {
  private static final String PREFIX = "log-";
  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'I', 1};
  private static final int HEAD_BYTES = MAGIC.length + 2 * Long.BYTES;
  private static final int OFFSET_AT = 32;

  private final Path directory;
  private final byte[] head;
  private final long maxBytes;

  /** How long each segment's file is. */
  private final Map<Long, Long> lengths = new HashMap<>();

  private long bytes;
  private long openNumber = SegmentHeader.NONE;
  private @Nullable FileChannel open;

  /** A record as it was kept, its index in the clear. */
  record Kept(RecordHeader header, byte[] index) {
    /** Where in its segment the record lies. */
    long offset() {
      return header.links().offset();
    }
  }

  /**
   * Finds what an earlier process kept; drops what lies beside other buffers.
   *
   * @param directory on a memory file system
   * @param set id of the buffers in it
   * @param maxBytes beyond which nothing more is kept
   */
  public KeptIndexes(Path directory, UUID set, long maxBytes) throws IOException {
    this.directory = directory;
    this.maxBytes = maxBytes;
    Encoder out = new Encoder(HEAD_BYTES).putBytes(MAGIC);
    head = out.putLong(set.getMostSignificantBits()).putLong(set.getLeastSignificantBits()).array();
    for (Path file : files(directory)) {
      if (isOf(file, head)) {
        note(number(file), Files.size(file));
      } else {
        Files.delete(file);
      }
    }
  }

  /** Whether a directory has something that was kept beside these buffers. */
  public static boolean anyIn(Path directory, UUID set) throws IOException {
    return !new KeptIndexes(directory, set, 0).lengths.isEmpty();
  }

  private static List<Path> files(Path directory) throws IOException {
    List<Path> found = new ArrayList<>();
    if (!Files.exists(directory)) {
      return found;
    }
    try (DirectoryStream<Path> names = Files.newDirectoryStream(directory, PREFIX + "*")) {
      for (Path file : names) {
        if (file.getFileName().toString().matches(PREFIX + "[0-9]{1,18}")) {
          found.add(file);
        }
      }
    }
    return found;
  }

  private static long number(Path file) {
    return Long.parseLong(file.getFileName().toString().substring(PREFIX.length()));
  }

  private static boolean isOf(Path file, byte[] head) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer found = ByteBuffer.allocate(head.length);
      return channel.read(found, 0) == head.length && Arrays.equals(found.array(), head);
    }
  }

  private Path path(long number) {
    return directory.resolve(PREFIX + number);
  }

  private void note(long number, long length) {
    bytes += length - lengths.getOrDefault(number, 0L);
    lengths.put(number, length);
  }

  /**
   * Keeps a record that was appended. Where that fails, the log will be read instead.
   *
   * @param record begins with the header
   * @param index in the clear
   */
  void add(long number, byte[] record, byte[] index, int indexBytes) {
    int length = RecordHeader.BYTES + indexBytes;
    long at = lengths.getOrDefault(number, 0L);
    if (bytes + HEAD_BYTES + length + Integer.BYTES > maxBytes) {
      return;
    }
    Encoder out = new Encoder(HEAD_BYTES + length + Integer.BYTES);
    if (at == 0) {
      out.putBytes(head);
    }
    int from = out.size();
    out.putBytes(record, 0, RecordHeader.BYTES).putBytes(index, 0, indexBytes);
    out.putInt(RecordHeader.crc(out.array(), from, from + length));
    try {
      ByteBuffer left = ByteBuffer.wrap(out.array(), 0, out.size());
      FileChannel file = opened(number);
      while (left.hasRemaining()) {
        file.write(left, at + left.position());
      }
      note(number, at + out.size());
    } catch (IOException e) {
      // The memory file system is full. What was written of this one isn't whole, and the next one
      // goes over it.
    }
  }

  private FileChannel opened(long number) throws IOException {
    FileChannel file = open;
    if (file == null || openNumber != number) {
      close();
      file = FileChannel.open(path(number), StandardOpenOption.WRITE, StandardOpenOption.CREATE);
      open = file;
      openNumber = number;
    }
    return file;
  }

  /** What is kept of a segment, in the order of its records; empty if it isn't this segment's. */
  List<Kept> read(Segment segment) throws IOException {
    List<Kept> found = new ArrayList<>();
    if (!lengths.containsKey(segment.number())) {
      return found;
    }
    byte[] all = Files.readAllBytes(path(segment.number()));
    int at = HEAD_BYTES;
    boolean sorted = true;
    while (at + RecordHeader.BYTES <= all.length) {
      Kept kept = at(segment.number(), all, at);
      if (kept == null) {
        break;
      }
      sorted &= found.isEmpty() || found.getLast().offset() < kept.offset();
      found.add(kept);
      at += RecordHeader.BYTES + kept.index.length + Integer.BYTES;
    }
    // What a process that died didn't write whole is written over.
    note(segment.number(), at);
    if (!sorted) {
      // A start has added what wasn't kept before.
      found.sort(Comparator.comparingLong(Kept::offset));
    }
    if (!found.isEmpty() && !isIn(segment, found.getLast())) {
      forget(segment.number());
      found.clear();
    }
    return found;
  }

  private static @Nullable Kept at(long segment, byte[] all, int at) throws StorageException {
    byte[] head = Arrays.copyOfRange(all, at, at + RecordHeader.BYTES);
    long offset = new Decoder("", head, OFFSET_AT, Long.BYTES).getLong();
    RecordHeader header = RecordHeader.parse(head, segment, offset);
    int length = header == null ? 0 : RecordHeader.BYTES + header.indexBytes();
    if (header == null
        || length > all.length - at - Integer.BYTES
        || RecordHeader.crc(all, at, at + length) != RecordHeader.intAt(all, at + length)) {
      return null;
    }
    return new Kept(header, Arrays.copyOfRange(all, at + RecordHeader.BYTES, at + length));
  }

  /** Whether a segment has that record: a store may have been put back from a copy. */
  private static boolean isIn(Segment segment, Kept kept) throws IOException {
    long offset = kept.offset();
    if (segment.file().size() < offset + kept.header.length()) {
      return false;
    }
    byte[] there = new byte[RecordHeader.BYTES];
    segment.read(offset, there, 0, there.length);
    return kept.header.equals(RecordHeader.parse(there, segment.number(), offset));
  }

  /** A segment is gone. */
  void forget(long number) {
    Long length = lengths.remove(number);
    if (length == null) {
      return;
    }
    bytes -= length;
    try {
      if (number == openNumber) {
        close();
      }
      Files.deleteIfExists(path(number));
    } catch (IOException e) {
      // The next start deletes it: no segment has that number then, or another record at its end.
    }
  }

  /** Forgets all segments but these. */
  void retain(Collection<Long> numbers) {
    for (long number : lengths.keySet().toArray(Long[]::new)) {
      if (!numbers.contains(number)) {
        forget(number);
      }
    }
  }

  /** Closes the open file; all stay. */
  void close() throws IOException {
    FileChannel file = open;
    open = null;
    openNumber = SegmentHeader.NONE;
    if (file != null) {
      file.close();
    }
  }

  /** Deletes everything: what the log had is in runs. */
  void delete() {
    retain(Collections.emptyList());
  }
}
