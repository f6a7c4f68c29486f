package io.bailey.cli;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;

/**
 * Writes and reads a volume over NBD, many requests at a time, as QEMU does for a guest: what the
 * daemon's JVM notes of it lets a new daemon be quick with its first requests. What is read isn't
 * looked at. One thread.
 */
final class TrainingDisk implements AutoCloseable {
  private static final long OPTION_MAGIC = 0x49484156454f5054L;
  private static final int FIXED_NEWSTYLE_NO_ZEROES = 3;
  private static final int OPTION_EXPORT_NAME = 1;
  private static final int OPTION_STRUCTURED_REPLY = 8;
  private static final int GREETING_BYTES = 18;
  private static final int OPTION_REPLY_BYTES = 20;
  private static final int EXPORT_BYTES = 10;

  private static final int REQUEST_MAGIC = 0x25609513;
  private static final int SIMPLE_MAGIC = 0x67446698;
  private static final int READ = 0;
  private static final int WRITE = 1;
  private static final int FLUSH = 3;
  private static final int REQUEST_BYTES = 28;
  private static final int SIMPLE_BYTES = 16;
  private static final int CHUNK_BYTES = 20;
  private static final int DONE = 1;

  private static final int BLOCK_BYTES = 4096;
  static final int DEPTH = 32;
  private static final int BATCHES_PER_FLUSH = 16;

  private final SocketChannel channel;
  private final ByteBuffer out = ByteBuffer.allocateDirect(DEPTH * (REQUEST_BYTES + BLOCK_BYTES));
  private final ByteBuffer in = ByteBuffer.allocateDirect(1 << 16);
  private final Random random = new Random(1);

  private TrainingDisk(SocketChannel channel) {
    this.channel = channel;
    in.limit(0);
  }

  static TrainingDisk connect(Path socket, String volume) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      TrainingDisk disk = new TrainingDisk(channel);
      disk.choose(volume);
      return disk;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  private void choose(String volume) throws IOException {
    byte[] name = volume.getBytes(StandardCharsets.UTF_8);
    out.putInt(FIXED_NEWSTYLE_NO_ZEROES);
    out.putLong(OPTION_MAGIC).putInt(OPTION_STRUCTURED_REPLY).putInt(0);
    out.putLong(OPTION_MAGIC).putInt(OPTION_EXPORT_NAME).putInt(name.length).put(name);
    send();
    skip(GREETING_BYTES + OPTION_REPLY_BYTES + EXPORT_BYTES);
  }

  /** Writes batches of blocks all over a disk, with a flush now and then, and reads as many. */
  void exercise(long diskBytes, int batches) throws IOException {
    byte[] block = new byte[BLOCK_BYTES];
    for (int command : new int[] {WRITE, READ}) {
      for (int batch = 0; batch < batches; batch++) {
        for (int i = 0; i < DEPTH; i++) {
          long offset = random.nextLong(diskBytes / BLOCK_BYTES) * BLOCK_BYTES;
          request(command, offset, BLOCK_BYTES);
          if (command == WRITE) {
            fillHalf(block);
            out.put(block);
          }
        }
        awaitReplies(DEPTH);
        if (command == WRITE && batch % BATCHES_PER_FLUSH == 0) {
          request(FLUSH, 0, 0);
          awaitReplies(1);
        }
      }
    }
  }

  /** Half of a block is hard to compress. */
  private void fillHalf(byte[] block) {
    for (int i = 0; i < BLOCK_BYTES / 2; i++) {
      block[i] = (byte) random.nextInt();
    }
  }

  private void request(int command, long offset, int length) {
    out.putInt(REQUEST_MAGIC).putShort((short) 0).putShort((short) command);
    out.putLong(0).putLong(offset).putInt(length);
  }

  private void awaitReplies(int count) throws IOException {
    send();
    for (int left = count; left > 0; ) {
      require(SIMPLE_BYTES);
      int at = in.position();
      if (in.getInt(at) == SIMPLE_MAGIC) {
        skip(SIMPLE_BYTES);
        left--;
      } else {
        require(CHUNK_BYTES);
        at = in.position();
        left -= in.getShort(at + 4) & DONE;
        skip(CHUNK_BYTES + in.getInt(at + 16));
      }
    }
  }

  private void send() throws IOException {
    out.flip();
    while (out.hasRemaining()) {
      channel.write(out);
    }
    out.clear();
  }

  private void skip(int bytes) throws IOException {
    require(bytes);
    in.position(in.position() + bytes);
  }

  private void require(int bytes) throws IOException {
    while (in.remaining() < bytes) {
      in.compact();
      int n = channel.read(in);
      in.flip();
      if (n < 0) {
        throw new EOFException("the daemon closed the connection");
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
