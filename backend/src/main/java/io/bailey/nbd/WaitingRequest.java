package io.bailey.nbd;

import io.bailey.volume.BlockDevice;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * A request that may have to wait for the device, and its reply. It runs on a virtual thread of its
 * own, so that it can also wait for its client without holding anybody up. A READ too long for one
 * buffer goes out in several chunks, each of which waits for the one before.
 *
 * <p>A client that takes no chunks, or not for this READ, gets such a long one as one reply all the
 * same, whose header says that all of it follows. So everything is read once before the header goes
 * out, to know that it can be, and once more, piece by piece, for the client.
 */
final class WaitingRequest implements Runnable, Outbox.Outgoing {
  /**
   * READs above this are read and sent piece by piece. With its headers a piece fits in a region of
   * 1 MiB of the collector's, where a little more would take two.
   */
  static final int PIECE_BYTES = (1 << 20) - 2 * BufferPool.HEADER_BYTES;

  /** The same for a connection that has no room for more; none needs more for one request. */
  static final int SHORT_PIECE_BYTES = Session.WHOLE_WRITE_BYTES;

  /** From this length on, the device is asked for holes before it is read. */
  private static final int ASK_FOR_HOLES_BYTES = 64 << 10;

  /** What the smallest array of the pool has. */
  static final int LEAST_BYTES = 8 << 10;

  private static final int HOLES_PER_READ = 64;
  private static final int MOST_HEADER_BYTES = (HOLES_PER_READ + 1) * Wire.HOLE_BYTES;
  private static final int MOST_EXTENTS = 2048;

  /** An answer of that many extents, and the list of them. */
  private static final int STATUS_BYTES = 64 << 10;

  private static final System.Logger LOG = System.getLogger(WaitingRequest.class.getName());

  private final Session session;
  private final int command;
  private final int flags;
  private final long cookie;
  private final long offset;
  private final long length;
  private final int pieceBytes;
  private final long reserved;
  private final long since = System.nanoTime();

  /** A WRITE's data; from the pool. */
  private byte @Nullable [] payload;

  private byte[] reply = new byte[0];
  private int replyLength;
  private ByteBuffer unsent = ByteBuffer.allocate(0);
  private boolean failed;

  /** How much a long reply to a READ has of it so far; all, if the reply isn't one. */
  private int readBytes;

  /**
   * @param payload a WRITE's data, from the pool; null where it is written already
   * @param pieceBytes how much of a READ is in memory at one time
   * @param reserved what was counted for it in the connection's budget
   */
  WaitingRequest(
      Session session,
      int command,
      int flags,
      long cookie,
      long offset,
      long length,
      byte @Nullable [] payload,
      int pieceBytes,
      long reserved) {
    this.pieceBytes = pieceBytes;
    this.reserved = reserved;
    this.session = session;
    this.command = command;
    this.flags = flags;
    this.cookie = cookie;
    this.offset = offset;
    this.length = length;
    this.payload = payload;
  }

  /** What such a request holds in memory while it waits. */
  static long heldBytes(int command, long length, int pieceBytes) {
    return switch (command) {
      case Wire.READ -> BufferPool.sizeOf((int) Math.min(length, pieceBytes) + MOST_HEADER_BYTES);
      case Wire.WRITE -> BufferPool.sizeOf((int) length);
      case Wire.BLOCK_STATUS -> STATUS_BYTES;
      default -> LEAST_BYTES;
    };
  }

  @Override
  public long reserved() {
    return reserved;
  }

  /** Whether it may change the disk, so that its session counts it until it has run. */
  boolean changes() {
    return RequestRules.changes(command);
  }

  @Override
  public void run() {
    try {
      answer();
    } catch (RuntimeException | Error e) {
      // As for want of memory, while a failure was told too: nobody may wait for an answer.
      session.stats().abandoned(1);
      session.outbox().fail(reserved, e);
      return;
    }
    session.outbox().send(this);
  }

  private void answer() {
    try {
      perform();
    } catch (IOException | RuntimeException | AssertionError | OutOfMemoryError e) {
      failed(e);
    } finally {
      if (changes()) {
        session.changed();
      }
      if (payload != null) {
        session.buffers().give(payload);
        payload = null;
      }
    }
    unsent = ByteBuffer.wrap(reply, 0, replyLength);
  }

  private void perform() throws IOException {
    if (!session.isOpen()) {
      throw new ClosedChannelException();
    }
    BlockDevice device = session.device();
    switch (command) {
      case Wire.READ -> {
        read(device);
        return;
      }
      case Wire.BLOCK_STATUS -> {
        blockStatus(device);
        return;
      }
      case Wire.WRITE -> {
        if (payload != null) {
          device.write(offset, payload, 0, (int) length);
          reply = payload;
          payload = null;
        }
      }
      case Wire.TRIM -> device.trim(offset, length);
      case Wire.WRITE_ZEROES -> device.zero(offset, length, (flags & Wire.FLAG_NO_HOLE) != 0);
      case Wire.FLUSH -> device.flush();
      default -> throw new IllegalStateException("command " + command);
    }
    if ((flags & Wire.FLAG_FUA) != 0 && command != Wire.FLUSH) {
      device.flush();
    }
    room(Wire.SIMPLE_BYTES);
    replyLength = Wire.putSimple(bytes(), 0, NbdError.OK, cookie);
  }

  private void failed(Throwable e) {
    failed = true;
    readBytes = 0;
    session.log(e, command, offset, length);
    NbdError error = NbdError.of(e);
    boolean inChunks =
        session.structured() && (command == Wire.READ || command == Wire.BLOCK_STATUS);
    room(Wire.ERROR_BYTES);
    replyLength =
        inChunks
            ? Wire.putError(bytes(), 0, error, cookie)
            : Wire.putSimple(bytes(), 0, error, cookie);
  }

  private void read(BlockDevice device) throws IOException {
    int all = (int) length;
    if (!session.structured() || (flags & Wire.FLAG_DF) != 0) {
      readWhole(device, all);
      return;
    }
    int at = 0;
    while (all - at > pieceBytes) {
      readPiece(device, offset + at, pieceBytes, false);
      sendPiece();
      at += pieceBytes;
    }
    readPiece(device, offset + at, all - at, true);
  }

  /** Puts the one header of a read and as much of its data as a buffer takes. */
  private void readWhole(BlockDevice device, int all) throws IOException {
    int header = session.structured() ? Wire.DATA_HEADER_BYTES : Wire.SIMPLE_BYTES;
    int first = Math.min(all, pieceBytes);
    room(header + first);
    for (int at = first; at < all; at += pieceBytes) {
      device.read(offset + at, reply, header, Math.min(pieceBytes, all - at));
    }
    device.read(offset, reply, header, first);
    readBytes = first;
    replyLength = header + first;
    if (!session.structured()) {
      Wire.putSimple(bytes(), 0, NbdError.OK, cookie);
    } else if (all == 0) {
      replyLength = Wire.putChunk(bytes(), 0, true, Wire.CHUNK_NONE, cookie, 0);
    } else {
      Wire.putData(bytes(), 0, true, cookie, offset, all);
    }
  }

  @Override
  public boolean continues() {
    return command == Wire.READ && readBytes > 0 && readBytes < length;
  }

  @Override
  public @Nullable ByteBuffer next() throws IOException {
    if (!continues()) {
      return null;
    }
    int count = (int) Math.min(pieceBytes, length - readBytes);
    try {
      session.device().read(offset + readBytes, reply, 0, count);
    } catch (IOException | RuntimeException | AssertionError e) {
      session.log(e, command, offset + readBytes, count);
      throw new IOException("the rest of a reply can't be read", e);
    }
    readBytes += count;
    return ByteBuffer.wrap(reply, 0, count);
  }

  /** Reads data and puts it as one chunk, which is a hole if it is nothing but zeros. */
  private int readChunk(BlockDevice device, int at, long from, int count, boolean done)
      throws IOException {
    device.read(from, reply, at + Wire.DATA_HEADER_BYTES, count);
    if (count >= Wire.HOLE_BYTES && Zeros.only(bytes(), at + Wire.DATA_HEADER_BYTES, count)) {
      return Wire.putHole(bytes(), at, done, cookie, from, count);
    }
    return Wire.putData(bytes(), at, done, cookie, from, count) + count;
  }

  /** Puts one piece of a read, in data and holes. */
  private void readPiece(BlockDevice device, long from, int count, boolean last)
      throws IOException {
    if (count < ASK_FOR_HOLES_BYTES) {
      room(Wire.DATA_HEADER_BYTES + count);
      replyLength = readChunk(device, 0, from, count, last);
      return;
    }
    ExtentList extents = ExtentList.covering(count, HOLES_PER_READ);
    device.extents(from, count, extents);
    extents.close();
    room(count + HOLES_PER_READ * Wire.HOLE_BYTES);
    int at = 0;
    long place = from;
    for (int i = 0; i < extents.size(); i++) {
      boolean done = last && i == extents.size() - 1;
      int part = (int) extents.length(i);
      at =
          extents.state(i) == 0
              ? readChunk(device, at, place, part, done)
              : Wire.putHole(bytes(), at, done, cookie, place, part);
      place += part;
    }
    replyLength = at;
  }

  /** Sends what is in the buffer and waits until it is gone. */
  private void sendPiece() throws IOException {
    Piece piece = new Piece(ByteBuffer.wrap(reply, 0, replyLength));
    session.outbox().send(piece);
    piece.await();
  }

  private void blockStatus(BlockDevice device) throws IOException {
    int most = (flags & Wire.FLAG_REQ_ONE) != 0 ? 1 : MOST_EXTENTS;
    ExtentList extents = ExtentList.firstOf(length, most);
    device.extents(offset, length, extents);
    extents.close();
    int bytes = 4 + 8 * extents.size();
    room(Wire.CHUNK_BYTES + bytes);
    int at = Wire.putChunk(bytes(), 0, true, Wire.CHUNK_BLOCK_STATUS, cookie, bytes);
    Wire.putInt(bytes(), at, Wire.ALLOCATION_CONTEXT);
    at += 4;
    for (int i = 0; i < extents.size(); i++, at += 8) {
      Wire.putInt(bytes(), at, (int) extents.length(i));
      Wire.putInt(bytes(), at + 4, extents.state(i));
    }
    replyLength = at;
  }

  private MemorySegment bytes() {
    return MemorySegment.ofArray(reply);
  }

  private void room(int bytes) {
    if (reply.length < bytes) {
      session.buffers().give(reply);
      reply = session.buffers().take(bytes);
    }
  }

  @Override
  public ByteBuffer unsent() {
    return unsent;
  }

  @Override
  public void sent() {
    if (failed) {
      session.stats().failed(1);
    } else {
      session.stats().answered(ExportStats.Kind.of(command), 1, length, System.nanoTime() - since);
    }
    session.buffers().give(reply);
  }

  @Override
  public void dropped() {
    session.stats().abandoned(1);
    LOG.log(Level.TRACE, "reply {0} dropped: the client is gone", cookie);
  }

  /** A chunk that is not the reply's last. */
  private static final class Piece implements Outbox.Outgoing {
    private final ByteBuffer bytes;
    private final CountDownLatch gone = new CountDownLatch(1);
    private volatile boolean dropped;

    Piece(ByteBuffer bytes) {
      this.bytes = bytes;
    }

    void await() throws IOException {
      try {
        gone.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while a client took its reply");
      }
      if (dropped) {
        throw new ClosedChannelException();
      }
    }

    @Override
    public ByteBuffer unsent() {
      return bytes;
    }

    @Override
    public long reserved() {
      return 0;
    }

    @Override
    public void sent() {
      gone.countDown();
    }

    @Override
    public void dropped() {
      dropped = true;
      gone.countDown();
    }
  }
}
