package io.bailey.volume;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.Dubtree;
import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import io.bailey.fuzz.OneFile;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Roots: the file, with its magic and checksum made right, and the body behind the seal. */
final class RootFuzz {
  private static final Path PATH = Path.of("/store/volumes/v");
  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'R', 1};
  private static final KeyWrap WRAP = wrap();
  private static final List<DataKey.Id> KEYS = List.of(new DataKey.Id(new byte[16]));

  private RootFuzz() {}

  private static KeyWrap wrap() {
    try {
      return KeyWrap.fromFile(new OneFile("key", new byte[32]), PATH, "key");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    int mode = input.nextByte() % 3;
    byte[] rest = input.rest();
    long cap = (1 << 20) + 16L * data.length;
    switch (mode) {
      case 0 -> FuzzRule.holds(cap, () -> body(rest));
      case 1 -> FuzzRule.holds(cap, () -> file(rest));
      default -> FuzzRule.holds(cap, () -> file(madeRight(rest)));
    }
  }

  private static void file(byte[] bytes) throws IOException {
    Root.read(new OneFile("root", bytes), PATH, new KeyRing(), WRAP);
    throw new AssertionError("a root that nobody sealed was taken");
  }

  private static byte[] madeRight(byte[] rest) {
    Encoder out = new Encoder(16 + rest.length).putBytes(MAGIC).putInt(0).putBytes(rest);
    byte[] bytes = out.toBytes();
    byte[] sum = new Encoder(4).putInt(Root.checksum(bytes)).toBytes();
    System.arraycopy(sum, 0, bytes, MAGIC.length, sum.length);
    return bytes;
  }

  private static void body(byte[] bytes) throws IOException {
    Root root = Root.decodeBody(new Decoder("root", bytes), KEYS);
    FuzzRule.check(
        root.size() > 0 && root.size() <= Dubtree.MAX_BLOCKS << Dubtree.BLOCK_SHIFT, "a size");
    FuzzRule.check(root.ownRuns() >= 0 && root.ownRuns() <= root.runs().size(), "own runs");
    FuzzRule.check(root.sequence() >= 0 && root.generation() >= 0, "counts");
    root.runs()
        .forEach(
            run -> {
              FuzzRule.check(run.level() >= 0 && run.level() < Dubtree.MAX_LEVELS, "a level");
              FuzzRule.check(run.treeBytes() > 0, "a tree's size");
            });
    FuzzRule.checkSha256(root.contentId());
  }
}
