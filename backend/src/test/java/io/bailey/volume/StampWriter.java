package io.bailey.volume;

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;

/**
 * A process to be killed: it writes stamped blocks to a volume and says of each write and flush
 * that it has returned. Arguments: store, memory directory, durability, seed.
 */
public final class StampWriter {
  static final int BLOCKS = 2000;

  private StampWriter() {}

  /** Fills a block with the number of the write; every 8 bytes have it. */
  static byte[] stamp(long number) {
    ByteBuffer bytes = ByteBuffer.allocate(4096);
    while (bytes.hasRemaining()) {
      bytes.putLong(number);
    }
    return bytes.array();
  }

  static StoreOptions options(Path store, Path memory) {
    return new StoreOptions(store, memory, 48L << 20);
  }

  /** Writes until it is killed. */
  public static void main(String[] args) throws Exception {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          failure.printStackTrace();
          // Or other threads would wait for what this one was to do, and the test for them.
          Runtime.getRuntime().halt(1);
        });
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
    Store store = Store.open(options(Path.of(args[0]), Path.of(args[1])));
    Random random = new Random(Long.parseLong(args[3]));
    Volume volume =
        store
            .volume("v")
            .orElseGet(
                () -> {
                  try {
                    return store.createVolume(
                        "v",
                        new VolumeSpec(
                            Optional.empty(), BLOCKS * 4096L, Durability.valueOf(args[2])));
                  } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
    for (long number = Long.parseLong(args[4]); ; number++) {
      int block = random.nextInt(BLOCKS);
      volume.write(block * 4096L, stamp(number), 0, 4096);
      out.println("w " + number + " " + block);
      if (random.nextInt(20) == 0) {
        volume.flush();
        out.println("f " + number);
      }
    }
  }
}
