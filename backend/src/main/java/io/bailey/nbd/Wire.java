package io.bailey.nbd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Numbers and records of the transmission phase. All integers are big-endian.
 *
 * <pre>
 * request     0 magic 25609513 | 4 flags u16 | 6 command u16 | 8 cookie u64 | 16 offset u64
 *             24 length u32 | 28 payload (WRITE only)
 * simple      0 magic 67446698 | 4 error u32 | 8 cookie u64 | 16 data (READ without error)
 * chunk       0 magic 668e33ef | 4 flags u16 | 6 type u16 | 8 cookie u64 | 16 length u32
 *             20 payload of that length:
 *               OFFSET_DATA   offset u64, data
 *               OFFSET_HOLE   offset u64, size u32
 *               BLOCK_STATUS  context u32, then (length u32, flags u32) for each extent
 *               ERROR         error u32, text length u16, text
 *               ERROR_OFFSET  the same, then offset u64
 * </pre>
 */
final class Wire {
  static final int REQUEST_MAGIC = 0x25609513;
  static final int SIMPLE_MAGIC = 0x67446698;
  static final int CHUNK_MAGIC = 0x668e33ef;

  static final int REQUEST_BYTES = 28;
  static final int SIMPLE_BYTES = 16;
  static final int CHUNK_BYTES = 20;

  /** A chunk's header and the offset that data and holes begin with. */
  static final int DATA_HEADER_BYTES = CHUNK_BYTES + 8;

  static final int HOLE_BYTES = CHUNK_BYTES + 12;

  static final int READ = 0;
  static final int WRITE = 1;
  static final int DISCONNECT = 2;
  static final int FLUSH = 3;
  static final int TRIM = 4;
  static final int CACHE = 5;
  static final int WRITE_ZEROES = 6;
  static final int BLOCK_STATUS = 7;

  static final int FLAG_FUA = 1;
  static final int FLAG_NO_HOLE = 1 << 1;
  static final int FLAG_DF = 1 << 2;
  static final int FLAG_REQ_ONE = 1 << 3;
  static final int FLAG_FAST_ZERO = 1 << 4;

  static final int CHUNK_NONE = 0;
  static final int CHUNK_OFFSET_DATA = 1;
  static final int CHUNK_OFFSET_HOLE = 2;
  static final int CHUNK_BLOCK_STATUS = 5;
  static final int CHUNK_ERROR = (1 << 15) + 1;
  static final int CHUNK_DONE = 1;

  static final int STATE_HOLE = 1;
  static final int STATE_ZERO = 2;

  /** The id that this server gives to {@code base:allocation}. */
  static final int ALLOCATION_CONTEXT = 1;

  /** The longest READ or WRITE that is accepted. */
  static final int MAX_DATA_BYTES = 64 << 20;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private Wire() {}

  static int u16(MemorySegment bytes, int at) {
    return bytes.get(SHORT, at) & 0xffff;
  }

  static int i32(MemorySegment bytes, int at) {
    return bytes.get(INT, at);
  }

  static long u32(MemorySegment bytes, int at) {
    return i32(bytes, at) & 0xffff_ffffL;
  }

  static long i64(MemorySegment bytes, int at) {
    return bytes.get(LONG, at);
  }

  static void putShort(MemorySegment bytes, int at, int value) {
    bytes.set(SHORT, at, (short) value);
  }

  static void putInt(MemorySegment bytes, int at, int value) {
    bytes.set(INT, at, value);
  }

  static void putLong(MemorySegment bytes, int at, long value) {
    bytes.set(LONG, at, value);
  }

  /** Writes a simple reply's header; returns where it ends. */
  static int putSimple(MemorySegment bytes, int at, NbdError error, long cookie) {
    putInt(bytes, at, SIMPLE_MAGIC);
    putInt(bytes, at + 4, error.number());
    putLong(bytes, at + 8, cookie);
    return at + SIMPLE_BYTES;
  }

  /** Writes a chunk's header; returns where its payload begins. */
  static int putChunk(
      MemorySegment bytes, int at, boolean done, int type, long cookie, int length) {
    putInt(bytes, at, CHUNK_MAGIC);
    putShort(bytes, at + 4, done ? CHUNK_DONE : 0);
    putShort(bytes, at + 6, type);
    putLong(bytes, at + 8, cookie);
    putInt(bytes, at + 16, length);
    return at + CHUNK_BYTES;
  }

  /** Writes the header of a chunk of data; returns where the data begins. */
  static int putData(
      MemorySegment bytes, int at, boolean done, long cookie, long offset, int length) {
    int payload = putChunk(bytes, at, done, CHUNK_OFFSET_DATA, cookie, 8 + length);
    putLong(bytes, payload, offset);
    return payload + 8;
  }

  /** Writes a chunk that stands for zeros; returns where it ends. */
  static int putHole(
      MemorySegment bytes, int at, boolean done, long cookie, long offset, int length) {
    int payload = putChunk(bytes, at, done, CHUNK_OFFSET_HOLE, cookie, 12);
    putLong(bytes, payload, offset);
    putInt(bytes, payload + 8, length);
    return payload + 12;
  }

  /** Writes the error chunk that ends a structured reply; returns where it ends. */
  static int putError(MemorySegment bytes, int at, NbdError error, long cookie) {
    byte[] text = error.text().getBytes(StandardCharsets.US_ASCII);
    int payload = putChunk(bytes, at, true, CHUNK_ERROR, cookie, 6 + text.length);
    putInt(bytes, payload, error.number());
    putShort(bytes, payload + 4, text.length);
    MemorySegment.copy(text, 0, bytes, ValueLayout.JAVA_BYTE, payload + 6, text.length);
    return payload + 6 + text.length;
  }

  /** The room that {@link #putError} or {@link #putSimple} needs at most. */
  static final int ERROR_BYTES = 96;
}
