package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A disk that connections write stamped blocks to, many requests at a time, and what its server has
 * acknowledged of them. A block's stamp is the number of the write; 0 is a block of zeros. At most
 * one request at a time is in flight for a block, so what it must hold is certain. Thread-safe.
 */
public final class StampedDisk {
  public static final int BLOCK_BYTES = 4096;

  private static final int DEPTH = 16;
  private static final int MOST_BLOCKS = 16;
  private static final long NONE = -1;

  private final Path socket;
  private final String name;
  private final Random seeds;
  private final AtomicLong stamps = new AtomicLong();
  private final AtomicLong acknowledged = new AtomicLong();
  private final AtomicLong flushes = new AtomicLong();
  private final long[] inFlight;

  /** What each block has held, from the newest write that a flush covers on; the last is acked. */
  private final List<List<Long>> history = new ArrayList<>();

  /** How many acknowledged writes of a block there were before its history begins. */
  private final long[] forgotten;

  private final int[] firstErrors = new int[1];
  private final boolean trims;
  private volatile boolean stop;

  /** A disk that is all zeros now, on a server whose trimmed blocks read as zeros. */
  public StampedDisk(Path socket, String name, int blocks, long seed) {
    this(socket, name, blocks, seed, true);
  }

  /** Like the other; the protocol lets a server ignore a trim, and one that does gets none. */
  public StampedDisk(Path socket, String name, int blocks, long seed, boolean trims) {
    this.trims = trims;
    this.socket = socket;
    this.name = name;
    this.seeds = new Random(seed);
    this.inFlight = new long[blocks];
    this.forgotten = new long[blocks];
    Arrays.fill(inFlight, NONE);
    for (int i = 0; i < blocks; i++) {
      history.add(new ArrayList<>(List.of(0L)));
    }
  }

  /** Requests other than flushes that were answered so far. */
  public long acknowledged() {
    return acknowledged.get();
  }

  /** Flushes that were answered so far. */
  public long flushes() {
    return flushes.get();
  }

  /** The first error that a reply had, by its number on the wire; 0 for none. */
  public int firstError() {
    synchronized (history) {
      return firstErrors[0];
    }
  }

  /** Ends the load after the requests in flight. */
  public void stop() {
    stop = true;
  }

  /** Starts connections that write until the server is gone, an error comes, or {@link #stop}. */
  public List<Thread> load(int connections) {
    stop = false;
    firstErrors[0] = 0;
    List<Thread> threads = new ArrayList<>();
    int share = inFlight.length / connections;
    for (int i = 0; i < connections; i++) {
      Writer writer = new Writer(new Random(seeds.nextLong()), i * share, share);
      threads.add(Thread.ofPlatform().name("load " + name + " " + i).start(writer));
    }
    return threads;
  }

  /** Flushes on a connection that has written nothing. */
  public void flush() throws IOException {
    long[] mark = mark();
    try (RawClient client = RawClient.simple(socket, name)) {
      assertThat(client.ask(Wire.FLUSH, 0, 0, 0)).isZero();
    }
    covered(mark);
  }

  private long[] mark() {
    synchronized (history) {
      long[] mark = forgotten.clone();
      for (int i = 0; i < mark.length; i++) {
        mark[i] += history.get(i).size() - 1;
      }
      return mark;
    }
  }

  private void covered(long[] mark) {
    synchronized (history) {
      for (int i = 0; i < mark.length; i++) {
        while (forgotten[i] < mark[i]) {
          history.get(i).removeFirst();
          forgotten[i]++;
        }
      }
    }
    flushes.incrementAndGet();
  }

  private boolean claim(int first, int count, long stamp) {
    synchronized (history) {
      for (int i = first; i < first + count; i++) {
        if (inFlight[i] != NONE) {
          return false;
        }
      }
      Arrays.fill(inFlight, first, first + count, stamp);
      return true;
    }
  }

  private void settle(Request request) {
    synchronized (history) {
      for (int i = request.first; i < request.first + request.count; i++) {
        history.get(i).add(inFlight[i]);
        inFlight[i] = NONE;
      }
    }
    acknowledged.incrementAndGet();
  }

  private record Request(int first, int count, long @Nullable [] mark) {}

  private final class Writer implements Runnable {
    private final Random random;
    private final int from;
    private final int share;
    private final Map<Long, Request> sent = new HashMap<>();

    Writer(Random random, int from, int share) {
      this.random = random;
      this.from = from;
      this.share = share;
    }

    @Override
    public void run() {
      try (RawClient client = RawClient.simple(socket, name)) {
        for (long cookie = 1; !stop && firstError() == 0; cookie++) {
          send(client, cookie);
          while (sent.size() >= DEPTH) {
            receive(client);
          }
        }
        while (!sent.isEmpty()) {
          receive(client);
        }
      } catch (IOException e) {
        // The server is gone: what was in flight may have been done or not.
        sent.clear();
      }
    }

    private void send(RawClient client, long cookie) throws IOException {
      if (random.nextInt(50) == 0) {
        sent.put(cookie, new Request(0, 0, mark()));
        client.send(RawClient.request(Wire.FLUSH, 0, cookie, 0, 0));
        return;
      }
      int count = random.nextInt(8) > 0 ? 1 : 1 + random.nextInt(MOST_BLOCKS);
      int first = from + random.nextInt(share - count + 1);
      boolean zeros = random.nextInt(12) == 0;
      long stamp = zeros ? 0 : stamps.incrementAndGet();
      if (!claim(first, count, stamp)) {
        return;
      }
      sent.put(cookie, new Request(first, count, null));
      int command =
          zeros ? (trims && random.nextBoolean() ? Wire.TRIM : Wire.WRITE_ZEROES) : Wire.WRITE;
      int flags = random.nextInt(100) == 0 ? Wire.FLAG_FUA : 0;
      byte[] header =
          RawClient.request(
              command, flags, cookie, (long) first * BLOCK_BYTES, count * BLOCK_BYTES);
      byte[] data = new byte[zeros ? 0 : count * BLOCK_BYTES];
      for (int at = 0; at < data.length; at += BLOCK_BYTES) {
        System.arraycopy(content(stamp), 0, data, at, BLOCK_BYTES);
      }
      client.send(header, data);
    }

    private void receive(RawClient client) throws IOException {
      RawClient.Reply reply = client.reply(0);
      Request request = sent.remove(reply.cookie());
      assertThat(request).as("request of the reply").isNotNull();
      if (reply.error() != 0) {
        synchronized (history) {
          firstErrors[0] = firstErrors[0] == 0 ? reply.error() : firstErrors[0];
        }
      } else if (request.mark != null) {
        covered(request.mark);
      } else {
        settle(request);
      }
    }
  }

  /** A block of a stamp; every other one doesn't compress. */
  private static byte[] content(long stamp) {
    ByteBuffer bytes = ByteBuffer.allocate(BLOCK_BYTES);
    if (stamp == 0) {
      return bytes.array();
    }
    bytes.putLong(stamp);
    SplittableRandom random = new SplittableRandom(stamp);
    while (bytes.hasRemaining()) {
      bytes.putLong(stamp % 2 == 0 ? stamp : random.nextLong());
    }
    return bytes.array();
  }

  /** Connects and has a read answered. */
  public void attach() throws IOException {
    try (RawClient client = RawClient.simple(socket, name)) {
      client.send(RawClient.request(Wire.READ, 0, 1, 0, BLOCK_BYTES));
      assertThat(client.reply(BLOCK_BYTES).error()).isZero();
    }
  }

  /** Reads every block: it holds what was acknowledged last, or what was in flight after that. */
  public void verify() throws IOException {
    assertThat(wrongBlocks()).as("wrong blocks of %s", name).isEmpty();
  }

  /** Reads every block: it holds what the last flush covered, or something later. */
  public void verifyAfterPowerLoss() throws IOException {
    assertThat(wrongBlocks(true)).as("wrong blocks of %s", name).isEmpty();
  }

  /** What {@link #verify} would complain of; what is there is what is expected from now on. */
  public List<String> wrongBlocks() throws IOException {
    return wrongBlocks(false);
  }

  private List<String> wrongBlocks(boolean powerLost) throws IOException {
    List<String> wrong = new ArrayList<>();
    try (RawClient client = RawClient.simple(socket, name)) {
      for (int first = 0; first < inFlight.length; first += MOST_BLOCKS) {
        int count = Math.min(MOST_BLOCKS, inFlight.length - first);
        int length = count * BLOCK_BYTES;
        client.send(RawClient.request(Wire.READ, 0, 1, (long) first * BLOCK_BYTES, length));
        RawClient.Reply reply = client.reply(length);
        assertThat(reply.error()).as("error of a read at block %d", first).isZero();
        for (int i = 0; i < count; i++) {
          check(
              first + i,
              Arrays.copyOfRange(reply.payload(), i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES),
              powerLost,
              wrong);
        }
      }
    }
    return wrong;
  }

  private void check(int block, byte[] bytes, boolean powerLost, List<String> wrong) {
    long found = ByteBuffer.wrap(bytes).getLong();
    synchronized (history) {
      List<Long> allowed =
          new ArrayList<>(powerLost ? history.get(block) : List.of(history.get(block).getLast()));
      if (inFlight[block] != NONE) {
        allowed.add(inFlight[block]);
      }
      if (!Arrays.equals(bytes, content(found))) {
        wrong.add("block " + block + " isn't whole: begins with stamp " + found);
      } else if (!allowed.contains(found)) {
        wrong.add("block " + block + " has stamp " + found + ", not of " + allowed);
      }
      history.set(block, new ArrayList<>(List.of(found)));
      forgotten[block] = 0;
      inFlight[block] = NONE;
    }
  }
}
