package io.bailey.mindcastle;

import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.crypto.spec.SecretKeySpec;

/**
 * Disks of Mindcastle: the text, and trees that an input makes of one that is right. What the nodes
 * say is sealed for whoever has the key, so tags are always right here.
 */
final class SwapFuzz {
  private static final Path PATH = Path.of("/disks/disk.swap");
  private static final long SIZE = 1 << 30;
  private static final int STEPS = 40;
  private static final String ID = "ab".repeat(32);

  private SwapFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    if (input.nextByte() % 4 == 0) {
      byte[] text = input.rest();
      // Most of it is the fuzzer's, which follows each comparison of names.
      FuzzRule.holds((1 << 20) + 512L * text.length, () -> text(text.clone()));
    } else {
      byte[] nodes = nodes(input);
      FuzzRule.holds(40 << 20, () -> disk(nodes));
    }
  }

  private static void text(byte[] text) throws IOException {
    SwapFile file = SwapFile.parse(PATH, text);
    FuzzRule.check(file.size() > 0, "a size");
    Path chunks = file.directories().getFirst();
    FuzzRule.check(PATH.getParent().equals(chunks.normalize().getParent()), "right beside it");
    file.newest().ifPresent(ref -> FuzzRule.checkSha256(ref.id()));
  }

  /** A meta node, and leaves that the input turns into anything. */
  private static byte[] nodes(FuzzInput input) {
    int count = 2 + input.nextByte() % 7;
    byte[] nodes = new byte[count * IndexTree.NODE_BYTES];
    put(nodes, 0, 0, 1);
    put(nodes, 0, 4, 1);
    put(nodes, 0, 48, IndexTree.MAGIC + input.nextByte() % 2);
    put(nodes, 0, 56, 144);
    put(nodes, 0, 76 + 8, -1);
    put(nodes, 0, 76 + 48, nodes.length);
    put(nodes, 0, 76 + 96, 1);
    for (int node = 1; node < count; node++) {
      put(nodes, node, 0, 3);
      put(nodes, node, 4, 2);
      put(nodes, node, 28 + 6, node);
    }
    while (!input.isEmpty()) {
      int node = input.nextByte() % count;
      put(nodes, node, input.nextShort() % (IndexTree.PLAIN_BYTES - 3), input.nextInt());
    }
    return nodes;
  }

  private static void put(byte[] nodes, int node, int at, int number) {
    for (int i = 0; i < Integer.BYTES; i++) {
      int to = node * IndexTree.NODE_BYTES + Sealed.NONCE_BYTES + at + i;
      nodes[to] = (byte) (number >>> (8 * i));
    }
  }

  private static void disk(byte[] nodes) throws IOException {
    SwapFile.TreeRef ref = new SwapFile.TreeRef(ID, nodes.length, new byte[Sealed.TAG_BYTES]);
    SwapFile file =
        new SwapFile(
            PATH,
            SIZE,
            new SecretKeySpec(new byte[32], "AES"),
            Optional.of(ref),
            List.of(PATH.getParent()),
            List.of());
    byte[] read = new byte[8192];
    try (SwapDisk disk = new SwapDisk(file, new OneChunk(nodes), SwapFuzz::open)) {
      long at = 0;
      for (int i = 0; i < STEPS && at + read.length <= SIZE; i++) {
        long next = disk.nextData(at);
        FuzzRule.check(next >= at && next <= SIZE, "no way back");
        at = Math.min(next, SIZE - read.length);
        disk.read(at, read, 0, read.length);
        at += read.length;
      }
    }
  }

  private static boolean open(byte[] in, int length, byte[] tags, int tagAt, byte[] out) {
    System.arraycopy(in, Sealed.NONCE_BYTES, out, 0, length - Sealed.NONCE_BYTES);
    return tags[tagAt + Sealed.TAG_BYTES - 1] != 0x55;
  }

  /** The same bytes under each name. */
  private record OneChunk(byte[] bytes) implements Chunks {
    @Override
    public long size(String id) {
      return bytes.length;
    }

    @Override
    public void read(String id, long offset, byte[] dst, int length) throws IOException {
      if (offset + length > bytes.length) {
        throw new StorageException(Kind.DAMAGED, id + " ends before " + (offset + length));
      }
      System.arraycopy(bytes, (int) offset, dst, 0, length);
    }

    @Override
    public void close() {}
  }
}
