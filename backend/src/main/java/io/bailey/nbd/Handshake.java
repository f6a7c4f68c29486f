package io.bailey.nbd;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The server's side of the fixed newstyle handshake, as a machine that takes bytes and gives bytes.
 * It offers one export, under its name and under the empty one. Not thread-safe.
 *
 * <pre>
 * server   NBDMAGIC | IHAVEOPT | handshake flags u16
 * client   client flags u32
 * option   0 IHAVEOPT | 8 option u32 | 12 length u32 | 16 payload
 * reply    0 magic 3e889045565a9 | 8 option u32 | 12 type u32 | 16 length u32 | 20 payload
 * </pre>
 *
 * The disk is asked for its size only where an option needs it: INFO, GO and EXPORT_NAME.
 */
final class Handshake {
  /** Options a client may send before it is cut off. */
  static final int MAX_OPTIONS = 32;

  /** The longest payload of an option; a client that announces more is cut off. */
  static final int MAX_OPTION_BYTES = 32 << 10;

  /** The longest export name, as the protocol has it. */
  static final int MAX_NAME_BYTES = 4096;

  static final int MAX_REQUEST_BYTES = 32 << 20;
  static final int PREFERRED_BLOCK_BYTES = 4096;

  /** What to do after {@link #take}. */
  enum Next {
    /** Read more from the client. */
    MORE,
    /** The client chose the export: what follows are requests. */
    SERVE,
    /** Send what there is and close. */
    CLOSE
  }

  /** What the disk is, asked for as late as possible. */
  record Disk(long size, boolean readOnly) {}

  private static final long NBD_MAGIC = 0x4e42444d41474943L;
  private static final long OPTION_MAGIC = 0x49484156454f5054L;
  private static final long REPLY_MAGIC = 0x3e889045565a9L;
  private static final int FIXED_NEWSTYLE = 1;
  private static final int NO_ZEROES = 2;
  private static final int OPTION_HEADER_BYTES = 16;

  static final int EXPORT_NAME = 1;
  static final int ABORT = 2;
  static final int LIST = 3;
  static final int STARTTLS = 5;
  static final int INFO = 6;
  static final int GO = 7;
  static final int STRUCTURED_REPLY = 8;
  static final int LIST_META_CONTEXT = 9;
  static final int SET_META_CONTEXT = 10;

  static final int REP_ACK = 1;
  static final int REP_SERVER = 2;
  static final int REP_INFO = 3;
  static final int REP_META_CONTEXT = 4;
  static final int ERR_UNSUP = (1 << 31) + 1;
  static final int ERR_POLICY = (1 << 31) + 2;
  static final int ERR_INVALID = (1 << 31) + 3;
  static final int ERR_UNKNOWN = (1 << 31) + 6;
  static final int ERR_TOO_BIG = (1 << 31) + 9;

  private static final String ALLOCATION = "base:allocation";

  private final String name;
  private final String description;
  private final Supplier<Disk> disk;
  private final BooleanSupplier room;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);

  private boolean greeted;
  private boolean noZeroes;
  private boolean structured;
  private boolean allocation;
  private int options;

  /**
   * @param room asked once a client chooses the export: whether one more may be served
   */
  Handshake(String name, String description, Supplier<Disk> disk, BooleanSupplier room) {
    this.room = room;
    this.name = name;
    this.description = description;
    this.disk = disk;
    putLong(NBD_MAGIC);
    putLong(OPTION_MAGIC);
    putShort(FIXED_NEWSTYLE | NO_ZEROES);
  }

  /** Whether READs are answered in chunks. */
  boolean structured() {
    return structured;
  }

  /** Whether the client may ask for BLOCK_STATUS. */
  boolean allocation() {
    return allocation;
  }

  /** What is to be sent now; empty afterwards. */
  byte[] output() {
    byte[] bytes = out.toByteArray();
    out.reset();
    return bytes;
  }

  /**
   * Takes whole records from the client's bytes and leaves the rest, which it wants to see again
   * with more behind it, up to {@link #MAX_OPTION_BYTES} and a header.
   */
  Next take(ByteBuffer in) {
    Next next = Next.MORE;
    if (!greeted) {
      if (in.remaining() < 4) {
        return Next.MORE;
      }
      next = clientFlags(in.getInt());
    }
    while (next == Next.MORE && in.remaining() >= OPTION_HEADER_BYTES) {
      int start = in.position();
      long magic = in.getLong(start);
      int option = in.getInt(start + 8);
      long length = in.getInt(start + 12) & 0xffff_ffffL;
      if (magic != OPTION_MAGIC || length > MAX_OPTION_BYTES) {
        return Next.CLOSE;
      }
      if (in.remaining() < OPTION_HEADER_BYTES + length) {
        return Next.MORE;
      }
      if (++options > MAX_OPTIONS) {
        return Next.CLOSE;
      }
      ByteBuffer payload = in.slice(start + OPTION_HEADER_BYTES, (int) length);
      in.position(start + OPTION_HEADER_BYTES + (int) length);
      next = option(option, payload);
    }
    return next;
  }

  private Next clientFlags(int flags) {
    if ((flags & ~(FIXED_NEWSTYLE | NO_ZEROES)) != 0) {
      return Next.CLOSE;
    }
    noZeroes = (flags & NO_ZEROES) != 0;
    greeted = true;
    return Next.MORE;
  }

  private Next option(int option, ByteBuffer payload) {
    switch (option) {
      case EXPORT_NAME -> {
        return exportName(payload);
      }
      case ABORT -> {
        reply(option, REP_ACK);
        return Next.CLOSE;
      }
      case GO -> {
        return describe(option, payload) ? Next.SERVE : Next.MORE;
      }
      case INFO -> describe(option, payload);
      case LIST -> list(payload);
      case STRUCTURED_REPLY -> structuredReply(payload);
      case LIST_META_CONTEXT, SET_META_CONTEXT -> metaContext(option, payload);
      case STARTTLS -> startTls();
      default -> error(option, ERR_UNSUP, "unknown option");
    }
    return Next.MORE;
  }

  /** The old way to choose an export; it has no reply for errors. */
  private Next exportName(ByteBuffer payload) {
    if (payload.remaining() > MAX_NAME_BYTES || !isOurs(text(payload, payload.remaining()))) {
      return Next.CLOSE;
    }
    if (!room.getAsBoolean()) {
      return Next.CLOSE;
    }
    Disk facts = disk.get();
    putLong(facts.size());
    putShort(transmissionFlags(facts));
    if (!noZeroes) {
      out.writeBytes(new byte[124]);
    }
    return Next.SERVE;
  }

  private void list(ByteBuffer payload) {
    if (payload.hasRemaining()) {
      error(LIST, ERR_INVALID, "LIST takes no data");
      return;
    }
    byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
    byte[] descriptionBytes = description.getBytes(StandardCharsets.UTF_8);
    replyHeader(LIST, REP_SERVER, 4 + nameBytes.length + descriptionBytes.length);
    putInt(nameBytes.length);
    out.writeBytes(nameBytes);
    out.writeBytes(descriptionBytes);
    reply(LIST, REP_ACK);
  }

  private void structuredReply(ByteBuffer payload) {
    if (payload.hasRemaining()) {
      error(STRUCTURED_REPLY, ERR_INVALID, "STRUCTURED_REPLY takes no data");
      return;
    }
    structured = true;
    reply(STRUCTURED_REPLY, REP_ACK);
  }

  /**
   * Refuses TLS, and forgets what was negotiated all the same: nothing that was said before a
   * client wanted a secure channel counts after it.
   */
  private void startTls() {
    structured = false;
    allocation = false;
    error(STARTTLS, ERR_POLICY, "no TLS on a Unix socket");
  }

  /** INFO and GO: name, then a list of the infos wanted. Returns whether the export was found. */
  private boolean describe(int option, ByteBuffer payload) {
    if (payload.remaining() < 6) {
      return error(option, ERR_INVALID, "option too short");
    }
    long nameLength = payload.getInt() & 0xffff_ffffL;
    if (nameLength > MAX_NAME_BYTES) {
      return error(option, ERR_TOO_BIG, "export name too long");
    }
    if (payload.remaining() < nameLength + 2) {
      return error(option, ERR_INVALID, "name and option lengths disagree");
    }
    String asked = text(payload, (int) nameLength);
    int count = payload.getShort() & 0xffff;
    if (payload.remaining() != 2 * count) {
      return error(option, ERR_INVALID, "number of infos and option length disagree");
    }
    if (!isOurs(asked)) {
      return error(option, ERR_UNKNOWN, "no such export");
    }
    if (option == GO && !room.getAsBoolean()) {
      return error(option, ERR_POLICY, "too many connections");
    }
    infos(option, payload, count);
    reply(option, REP_ACK);
    return true;
  }

  private void infos(int option, ByteBuffer wanted, int count) {
    Disk facts = disk.get();
    replyHeader(option, REP_INFO, 12);
    putShort(0);
    putLong(facts.size());
    putShort(transmissionFlags(facts));
    int answered = 0;
    for (int i = 0; i < count; i++) {
      int info = wanted.getShort() & 0xffff;
      if (info == 0 || info > 3 || (answered & 1 << info) != 0) {
        continue;
      }
      answered |= 1 << info;
      if (info == 3) {
        replyHeader(option, REP_INFO, 14);
        putShort(info);
        putInt(1);
        putInt(PREFERRED_BLOCK_BYTES);
        putInt(MAX_REQUEST_BYTES);
      } else {
        byte[] text = (info == 1 ? name : description).getBytes(StandardCharsets.UTF_8);
        replyHeader(option, REP_INFO, 2 + text.length);
        putShort(info);
        out.writeBytes(text);
      }
    }
  }

  /** LIST and SET_META_CONTEXT: export name, then queries. A SET that fails chooses nothing. */
  private void metaContext(int option, ByteBuffer payload) {
    boolean set = option == SET_META_CONTEXT;
    if (set) {
      allocation = false;
    }
    if (!structured) {
      error(option, ERR_INVALID, "negotiate structured replies first");
      return;
    }
    if (payload.remaining() < 8) {
      error(option, ERR_INVALID, "option too short");
      return;
    }
    long nameLength = payload.getInt() & 0xffff_ffffL;
    if (nameLength > MAX_NAME_BYTES) {
      error(option, ERR_TOO_BIG, "export name too long");
      return;
    }
    if (payload.remaining() < nameLength + 4) {
      error(option, ERR_INVALID, "name and option lengths disagree");
      return;
    }
    String asked = text(payload, (int) nameLength);
    long queries = payload.getInt() & 0xffff_ffffL;
    boolean matched = queries == 0 && !set;
    for (long i = 0; i < queries; i++) {
      long length = payload.remaining() < 4 ? Long.MAX_VALUE : payload.getInt() & 0xffff_ffffL;
      if (length > payload.remaining()) {
        error(option, ERR_INVALID, "queries and option length disagree");
        return;
      }
      String query = text(payload, (int) length);
      matched |= query.equals(ALLOCATION) || (!set && query.equals("base:"));
    }
    if (payload.hasRemaining()) {
      error(option, ERR_INVALID, "queries and option length disagree");
      return;
    }
    if (!isOurs(asked)) {
      error(option, ERR_UNKNOWN, "no such export");
      return;
    }
    if (matched) {
      replyHeader(option, REP_META_CONTEXT, 4 + ALLOCATION.length());
      putInt(set ? Wire.ALLOCATION_CONTEXT : 0);
      out.writeBytes(ALLOCATION.getBytes(StandardCharsets.US_ASCII));
      allocation |= set;
    }
    reply(option, REP_ACK);
  }

  private int transmissionFlags(Disk facts) {
    int hasFlags = 1;
    int flags = hasFlags | 1 << 2 /* flush */ | 1 << 8 /* multi-conn */ | 1 << 10 /* cache */;
    if (facts.readOnly()) {
      flags |= 1 << 1;
    } else {
      flags |= 1 << 3 /* FUA */ | 1 << 5 /* trim */ | 1 << 6 /* zeroes */ | 1 << 11 /* fast zero */;
    }
    return structured ? flags | 1 << 7 /* DF */ : flags;
  }

  private boolean isOurs(String asked) {
    return asked.isEmpty() || asked.equals(name);
  }

  private static String text(ByteBuffer from, int length) {
    byte[] bytes = new byte[length];
    from.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private boolean error(int option, int type, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    replyHeader(option, type, bytes.length);
    out.writeBytes(bytes);
    return false;
  }

  private void reply(int option, int type) {
    replyHeader(option, type, 0);
  }

  private void replyHeader(int option, int type, int length) {
    putLong(REPLY_MAGIC);
    putInt(option);
    putInt(type);
    putInt(length);
  }

  private void putShort(int value) {
    out.write(value >>> 8);
    out.write(value);
  }

  private void putInt(int value) {
    putShort(value >>> 16);
    putShort(value);
  }

  private void putLong(long value) {
    putInt((int) (value >>> 32));
    putInt((int) value);
  }
}
