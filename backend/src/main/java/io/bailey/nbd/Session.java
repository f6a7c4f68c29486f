package io.bailey.nbd;

import io.bailey.volume.BlockDevice;
import java.io.EOFException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One client's requests, from GO to its disconnection.
 *
 * <h2>Threads</h2>
 *
 * One thread at a time is the reader, and owns the input and the batch. It writes its batches
 * itself, as that is quickest; a client that doesn't take them may hold it there. So it leaves the
 * time in {@link #writingSince} before such a write, and takes it back with a compare-and-set. Who
 * finds an old time there may take it in its stead: that thread is the reader from then on, with a
 * new batch, and the one that was held leaves after its write.
 */
final class Session {
  /** A WRITE up to this is taken as a whole; a longer one is written as its data comes. */
  static final int WHOLE_WRITE_BYTES = 256 << 10;

  /** A READ up to this may be answered on the reading thread. */
  static final int DIRECT_READ_BYTES = 128 << 10;

  /** Replies that are gathered before they are sent, though more requests are at hand. */
  private static final int BATCH_BYTES = 64 << 10;

  private static final int FIRST_INPUT_BYTES = 8 << 10;
  private static final int MOST_INPUT_BYTES = WHOLE_WRITE_BYTES + (8 << 10);
  private static final int BLOCK_BYTES = 4096;
  private static final long NOT_WRITING = 0;
  private static final System.Logger LOG = System.getLogger(Session.class.getName());

  /** Facts that do not change while the session lasts. */
  record Setting(
      BlockDevice device, RequestRules rules, ExportStats stats, BufferPool buffers, String name) {}

  private final Setting setting;
  private final NbdExport export;
  private final PolledChannel channel;
  private final Outbox outbox;
  private final BlockDevice device;
  private final RequestRules rules;
  private final ExportStats stats;
  private final boolean structured;

  private ByteBuffer inBuffer;

  /** The memory of {@link #inBuffer}. */
  private MemorySegment in;

  private int start;
  private int end;
  private Batch batch;
  private long arrived = System.nanoTime();

  private final AtomicLong writingSince = new AtomicLong(NOT_WRITING);

  /** Readers and requests that may change the disk now. */
  private final AtomicInteger changing = new AtomicInteger();

  /** Whether requests are being answered that came before the export was stopped. */
  private volatile boolean serving;

  /**
   * @param received bytes that came with the end of the handshake
   */
  Session(
      Setting setting,
      NbdExport export,
      PolledChannel channel,
      Outbox outbox,
      ByteBuffer received) {
    this.setting = setting;
    this.export = export;
    this.channel = channel;
    this.outbox = outbox;
    this.device = setting.device();
    this.rules = setting.rules();
    this.stats = setting.stats();
    this.structured = rules.structured();
    this.batch = new Batch(stats);
    this.end = received.remaining();
    this.inBuffer = ByteBuffer.allocateDirect(Math.max(FIRST_INPUT_BYTES, end));
    this.in = MemorySegment.ofBuffer(inBuffer);
    inBuffer.put(received);
  }

  BlockDevice device() {
    return device;
  }

  ExportStats stats() {
    return stats;
  }

  Outbox outbox() {
    return outbox;
  }

  BufferPool buffers() {
    return setting.buffers();
  }

  boolean structured() {
    return structured;
  }

  /** Whether nothing is left of what the client asked before the export was stopped. */
  boolean isIdle() {
    return !serving && outbox.isIdle();
  }

  boolean isOpen() {
    return channel.isOpen();
  }

  /** Whether something may still change the disk; never again once false of a closed one. */
  boolean isChanging() {
    return changing.get() > 0;
  }

  /** A request that may change the disk came to its end. */
  void changed() {
    changing.decrementAndGet();
  }

  /**
   * Answers requests until the client disconnects, the export stops, or the calling thread is not
   * the reader any more.
   *
   * @return whether the session has ended, so that the connection is to be closed
   * @throws EOFException where the client closed without saying so
   * @throws ProtocolException where what it sent is no request
   */
  boolean run() throws IOException {
    changing.incrementAndGet();
    try {
      return answer();
    } finally {
      changing.decrementAndGet();
    }
  }

  private boolean answer() throws IOException {
    while (true) {
      serving = true;
      if (export.isStopping()) {
        serving = false;
        outbox.awaitIdle();
        return true;
      }
      Took took = takeRequests();
      if (took == Took.LOST || !sendBatch()) {
        return false;
      }
      if (took == Took.DISCONNECT) {
        outbox.awaitIdle();
        return true;
      }
      serving = false;
      fill();
      arrived = System.nanoTime();
    }
  }

  /**
   * Makes the calling thread responsible for a reader that has been writing since before {@code
   * deadline}.
   *
   * @param deadline of {@link System#nanoTime}
   * @return whether the caller must see to it that {@link #run} goes on
   */
  boolean takeOver(long deadline) {
    long since = writingSince.get();
    if (since == NOT_WRITING
        || since - deadline > 0
        || !writingSince.compareAndSet(since, NOT_WRITING)) {
      return false;
    }
    batch = new Batch(stats);
    return true;
  }

  private enum Took {
    /** More bytes are needed. */
    ALL,
    DISCONNECT,
    /** Another thread is the reader now; nothing of the session may be touched. */
    LOST
  }

  /** Answers, or starts, all requests that are there as a whole. */
  private Took takeRequests() throws IOException {
    while (end - start >= Wire.REQUEST_BYTES) {
      if (!isOpen()) {
        batch.dropped();
        throw new ClosedChannelException();
      }
      if (Wire.i32(in, start) != Wire.REQUEST_MAGIC) {
        if (!sendBatch()) {
          return Took.LOST;
        }
        throw new ProtocolException("no request where one should begin");
      }
      int command = Wire.u16(in, start + 6);
      if (command == Wire.DISCONNECT) {
        return Took.DISCONNECT;
      }
      long length = Wire.u32(in, start + 24);
      int payload = command == Wire.WRITE && length <= WHOLE_WRITE_BYTES ? (int) length : 0;
      if (end - start < Wire.REQUEST_BYTES + payload) {
        return Took.ALL;
      }
      boolean still = takeRequest(command, length);
      if (still && batch.length() >= BATCH_BYTES) {
        still = sendBatch();
      }
      if (!still) {
        return Took.LOST;
      }
    }
    return Took.ALL;
  }

  /**
   * Takes the request at {@link #start}. Returns false, with the request not taken, where the
   * thread is not the reader any more.
   */
  private boolean takeRequest(int command, long length) throws IOException {
    int flags = Wire.u16(in, start + 4);
    long cookie = Wire.i64(in, start + 8);
    long offset = Wire.i64(in, start + 16);
    NbdError error = rules.check(command, flags, offset, length);
    if (command == Wire.WRITE && length > WHOLE_WRITE_BYTES) {
      return takeLongWrite(error, flags, cookie, offset, length);
    }
    if (error != NbdError.OK) {
      stats.started();
      answerError(command, cookie, error);
      consume(command, length);
      return true;
    }
    if (answerDirectly(command, flags, cookie, offset, length)) {
      stats.started();
      consume(command, length);
      return true;
    }
    int piece = WaitingRequest.PIECE_BYTES;
    long budget = WaitingRequest.heldBytes(command, length, piece);
    if (!outbox.tryReserve(budget)) {
      piece = WaitingRequest.SHORT_PIECE_BYTES;
      budget = WaitingRequest.heldBytes(command, length, piece);
      if (!sendBatch()) {
        return false;
      }
      outbox.reserve(budget);
    }
    stats.started();
    boolean begun = false;
    try {
      byte[] payload = null;
      if (command == Wire.WRITE) {
        payload = setting.buffers().take((int) length);
        takeInput(start + Wire.REQUEST_BYTES, payload, (int) length);
      }
      begin(
          new WaitingRequest(this, command, flags, cookie, offset, length, payload, piece, budget));
      begun = true;
    } finally {
      if (!begun) {
        neverBegan(budget);
      }
    }
    consume(command, length);
    return true;
  }

  private void begin(WaitingRequest request) {
    if (!request.changes()) {
      Thread.startVirtualThread(request);
      return;
    }
    boolean begun = false;
    changing.incrementAndGet();
    try {
      Thread.startVirtualThread(request);
      begun = true;
    } finally {
      if (!begun) {
        changed();
      }
    }
  }

  private void neverBegan(long budget) {
    stats.abandoned(1);
    outbox.release(budget);
  }

  private void consume(int command, long length) {
    start += Wire.REQUEST_BYTES + (command == Wire.WRITE ? (int) length : 0);
  }

  /** Answers what needs no waiting; returns false, with nothing done, for the rest. */
  private boolean answerDirectly(int command, int flags, long cookie, long offset, long length) {
    try {
      switch (command) {
        case Wire.READ -> {
          return readDirectly(flags, cookie, offset, length);
        }
        case Wire.WRITE -> {
          if (((flags & Wire.FLAG_FUA) != 0 && device.flushWaits())
              || !device.tryWrite(offset, in, start + Wire.REQUEST_BYTES, (int) length)) {
            return false;
          }
        }
        case Wire.CACHE -> device.prefetch(offset, length);
        case Wire.FLUSH -> {
          if (device.flushWaits()) {
            return false;
          }
        }
        default -> {
          return false;
        }
      }
    } catch (IOException | RuntimeException | AssertionError e) {
      log(e, command, offset, length);
      answerError(command, cookie, NbdError.of(e));
      return true;
    }
    MemorySegment out = batch.room(Wire.SIMPLE_BYTES);
    int to = Wire.putSimple(out, batch.length(), NbdError.OK, cookie);
    batch.since(arrived);
    batch.answered(to, ExportStats.Kind.of(command), length);
    return true;
  }

  private boolean readDirectly(int flags, long cookie, long offset, long length)
      throws IOException {
    if (length > DIRECT_READ_BYTES) {
      return false;
    }
    int count = (int) length;
    int header = structured ? Wire.DATA_HEADER_BYTES : Wire.SIMPLE_BYTES;
    MemorySegment out = batch.room(header + count);
    int at = batch.length();
    if (!device.tryRead(offset, out, at + header, count)) {
      return false;
    }
    int to = at + header + count;
    if (!structured) {
      Wire.putSimple(out, at, NbdError.OK, cookie);
    } else if (count == 0) {
      to = Wire.putChunk(out, at, true, Wire.CHUNK_NONE, cookie, 0);
    } else if ((flags & Wire.FLAG_DF) == 0
        && count >= Wire.HOLE_BYTES
        && Zeros.only(out, at + header, count)) {
      to = Wire.putHole(out, at, true, cookie, offset, count);
    } else {
      Wire.putData(out, at, true, cookie, offset, count);
    }
    batch.since(arrived);
    batch.answered(to, ExportStats.Kind.READ, length);
    return true;
  }

  private void answerError(int command, long cookie, NbdError error) {
    boolean inChunks = structured && (command == Wire.READ || command == Wire.BLOCK_STATUS);
    MemorySegment out = batch.room(Wire.ERROR_BYTES);
    batch.since(arrived);
    batch.failed(
        inChunks
            ? Wire.putError(out, batch.length(), error, cookie)
            : Wire.putSimple(out, batch.length(), error, cookie));
  }

  /**
   * Takes a WRITE whose data is not all there yet, writing it piece by piece on this thread: no
   * other request can come before its data's end. After an error the rest is skipped. The replies
   * before it go out first, and with FUA the flush is waited for elsewhere.
   */
  private boolean takeLongWrite(NbdError error, int flags, long cookie, long offset, long length)
      throws IOException {
    if (!sendBatch()) {
      return false;
    }
    start += Wire.REQUEST_BYTES;
    NbdError result = error;
    long done = 0;
    while (done < length) {
      int piece = pieceOf(offset + done, length - done);
      while (end - start < piece) {
        fill();
      }
      if (result == NbdError.OK) {
        result = writePiece(offset + done, piece);
      }
      start += piece;
      done += piece;
    }
    arrived = System.nanoTime();
    if ((flags & Wire.FLAG_FUA) != 0 && result == NbdError.OK) {
      long budget = WaitingRequest.LEAST_BYTES;
      outbox.reserve(budget);
      stats.started();
      boolean begun = false;
      try {
        begin(new WaitingRequest(this, Wire.WRITE, flags, cookie, offset, length, null, 0, budget));
        begun = true;
      } finally {
        if (!begun) {
          neverBegan(budget);
        }
      }
      return true;
    }
    stats.started();
    if (result == NbdError.OK) {
      MemorySegment out = batch.room(Wire.SIMPLE_BYTES);
      batch.since(arrived);
      batch.answered(
          Wire.putSimple(out, batch.length(), NbdError.OK, cookie), ExportStats.Kind.WRITE, length);
    } else {
      answerError(Wire.WRITE, cookie, result);
    }
    return true;
  }

  /** As much as the input takes, ending at a block's border where it can. */
  private static int pieceOf(long from, long left) {
    if (left <= WHOLE_WRITE_BYTES) {
      return (int) left;
    }
    return WHOLE_WRITE_BYTES - (int) (from & (BLOCK_BYTES - 1));
  }

  private NbdError writePiece(long offset, int length) {
    try {
      if (!device.tryWrite(offset, in, start, length)) {
        byte[] piece = setting.buffers().take(length);
        try {
          takeInput(start, piece, length);
          device.write(offset, piece, 0, length);
        } finally {
          setting.buffers().give(piece);
        }
      }
      return NbdError.OK;
    } catch (IOException | RuntimeException | AssertionError e) {
      log(e, Wire.WRITE, offset, length);
      return NbdError.of(e);
    }
  }

  /** Sends the batch. Returns false where the thread is not the reader any more. */
  private boolean sendBatch() throws IOException {
    Batch full = batch;
    if (full.isEmpty()) {
      return true;
    }
    if (!outbox.tryBegin()) {
      batch = new Batch(stats);
      try {
        outbox.reserve(full.heldBytes());
      } catch (ClosedChannelException e) {
        full.dropped();
        throw e;
      }
      full.reserve(full.heldBytes());
      outbox.sendElsewhere(full);
      return true;
    }
    long now = System.nanoTime() | 1;
    writingSince.set(now);
    boolean done = false;
    try {
      outbox.write(full.unsent());
      done = true;
    } finally {
      if (!done) {
        full.dropped();
      }
    }
    boolean still = writingSince.compareAndSet(now, NOT_WRITING);
    outbox.end();
    full.sent();
    return still;
  }

  /** Waits for more input. */
  private void fill() throws IOException {
    if (start == end) {
      start = 0;
      end = 0;
    }
    int size = inBuffer.capacity();
    if (start > 0 && size - end < size / 2) {
      MemorySegment.copy(in, start, in, 0, end - start);
      end -= start;
      start = 0;
    }
    if (end == size) {
      growInput();
    }
    int count = channel.read(inBuffer.clear().position(end));
    if (count < 0) {
      throw new EOFException("closed by the client");
    }
    end += count;
    if (end == inBuffer.capacity() && start == 0 && end < MOST_INPUT_BYTES) {
      growInput();
    }
  }

  private void growInput() {
    MemorySegment before = in;
    inBuffer = ByteBuffer.allocateDirect(Math.min(2 * inBuffer.capacity(), MOST_INPUT_BYTES));
    in = MemorySegment.ofBuffer(inBuffer);
    MemorySegment.copy(before, 0, in, 0, end);
  }

  private void takeInput(int from, byte[] dst, int length) {
    MemorySegment.copy(in, ValueLayout.JAVA_BYTE, from, dst, 0, length);
  }

  /**
   * Notes a failure that a client is told about as a mere number: at most one a second and export
   * for people to see, the others for those who look for them.
   */
  void log(Throwable e, int command, long offset, long length) {
    if (e instanceof ClosedChannelException) {
      return;
    }
    boolean expected = e instanceof IOException;
    Level seen = expected ? Level.WARNING : Level.ERROR;
    LOG.log(
        export.mayLogFailure() ? seen : Level.DEBUG,
        () ->
            String.format(
                "export %s: %s of %d bytes at %d failed: %s",
                setting.name(),
                ExportStats.Kind.of(command).label(),
                length,
                offset,
                e.getMessage()),
        expected ? null : e);
  }
}
