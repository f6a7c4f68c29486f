package io.bailey.nbd;

import io.bailey.volume.BlockDevice;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * A request that may have to wait for the device, and its reply. It runs on a virtual thread of its
 * own, so that it can also wait for its client without holding anybody up. A READ too long for one
 * buffer goes out in several chunks, each of which waits for the one before.
 */
final class WaitingRequest implements Runnable, Outbox.Outgoing {
  /** READs above this are read and sent piece by piece, if the client takes chunks. */
  static final int PIECE_BYTES = 1 << 20;

  /** From this length on, the device is asked for holes before it is read. */
  private static final int ASK_FOR_HOLES_BYTES = 64 << 10;

  private static final int HOLES_PER_READ = 64;
  private static final int MOST_EXTENTS = 2048;
  private static final System.Logger LOG = System.getLogger(WaitingRequest.class.getName());

  private final Session session;
  private final int command;
  private final int flags;
  private final long cookie;
  private final long offset;
  private final long length;
  private final long reserved;
  private final long since = System.nanoTime();

  /** A WRITE's data; from the pool. */
  private byte @Nullable [] payload;

  private byte[] reply = new byte[0];
  private int replyLength;
  private ByteBuffer unsent = ByteBuffer.allocate(0);
  private boolean failed;

  /**
   * @param payload a WRITE's data, from the pool; null where it is written already
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
      long reserved) {
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
  static long budgetBytes(int command, int flags, long length, boolean structured) {
    if (command != Wire.READ && command != Wire.WRITE) {
      return Outbox.REQUEST_MIN_BYTES;
    }
    boolean inPieces = command == Wire.READ && structured && (flags & Wire.FLAG_DF) == 0;
    long held = inPieces ? Math.min(length, PIECE_BYTES) : length;
    return Math.max(held, Outbox.REQUEST_MIN_BYTES);
  }

  @Override
  public long reserved() {
    return reserved;
  }

  @Override
  public void run() {
    try {
      perform();
    } catch (IOException | RuntimeException | AssertionError | OutOfMemoryError e) {
      failed(e);
    } finally {
      if (payload != null) {
        session.buffers().give(payload);
        payload = null;
      }
    }
    unsent = ByteBuffer.wrap(reply, 0, replyLength);
    session.outbox().send(this);
  }

  private void perform() throws IOException {
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
    replyLength = Wire.putSimple(reply, 0, NbdError.OK, cookie);
  }

  private void failed(Throwable e) {
    failed = true;
    session.log(e, command, offset, length);
    NbdError error = NbdError.of(e);
    boolean inChunks =
        session.structured() && (command == Wire.READ || command == Wire.BLOCK_STATUS);
    room(Wire.ERROR_BYTES);
    replyLength =
        inChunks ? Wire.putError(reply, 0, error, cookie) : Wire.putSimple(reply, 0, error, cookie);
  }

  private void read(BlockDevice device) throws IOException {
    int all = (int) length;
    if (!session.structured()) {
      room(Wire.SIMPLE_BYTES + all);
      device.read(offset, reply, Wire.SIMPLE_BYTES, all);
      replyLength = Wire.putSimple(reply, 0, NbdError.OK, cookie) + all;
    } else if ((flags & Wire.FLAG_DF) != 0) {
      room(Wire.DATA_HEADER_BYTES + all);
      replyLength = readChunk(device, 0, offset, all, true);
    } else {
      int at = 0;
      while (all - at > PIECE_BYTES) {
        readPiece(device, offset + at, PIECE_BYTES, false);
        sendPiece();
        at += PIECE_BYTES;
      }
      readPiece(device, offset + at, all - at, true);
    }
  }

  /** Reads data and puts it as one chunk, which is a hole if it is nothing but zeros. */
  private int readChunk(BlockDevice device, int at, long from, int count, boolean done)
      throws IOException {
    device.read(from, reply, at + Wire.DATA_HEADER_BYTES, count);
    boolean mayBeHole = (flags & Wire.FLAG_DF) == 0 && count >= Wire.HOLE_BYTES;
    if (mayBeHole && Zeros.only(reply, at + Wire.DATA_HEADER_BYTES, count)) {
      return Wire.putHole(reply, at, done, cookie, from, count);
    }
    return Wire.putData(reply, at, done, cookie, from, count) + count;
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
              : Wire.putHole(reply, at, done, cookie, place, part);
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
    int at = Wire.putChunk(reply, 0, true, Wire.CHUNK_BLOCK_STATUS, cookie, bytes);
    Wire.putInt(reply, at, Wire.ALLOCATION_CONTEXT);
    at += 4;
    for (int i = 0; i < extents.size(); i++, at += 8) {
      Wire.putInt(reply, at, (int) extents.length(i));
      Wire.putInt(reply, at + 4, extents.state(i));
    }
    replyLength = at;
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
