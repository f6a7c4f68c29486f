package io.bailey.chunk;

import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import io.bailey.fuzz.OneFile;
import io.bailey.io.Decoder;
import java.io.IOException;
import java.nio.file.Path;

/** Chunk files and what is asked of them: any bytes as a header, any name, any place. */
final class ChunkHeaderFuzz {
  private static final Path DIRECTORY = Path.of("/store/chunks");

  private ChunkHeaderFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    byte[] name = new byte[ChunkId.BYTES];
    byte[] given = input.nextBytes(ChunkId.BYTES);
    System.arraycopy(given, 0, name, 0, given.length);
    long offset = input.nextLong();
    long size = input.nextByte() < 128 ? input.nextShort() : input.nextLong();
    int length = input.nextShort();
    OneFile file = new OneFile("chunk", input.rest());
    FuzzRule.holds(
        (64 << 10) + 8L * data.length,
        () -> {
          ChunkStore store = new ChunkStore(file, DIRECTORY, 1);
          ChunkId id = ChunkId.readFrom(new Decoder("name", name));
          staysInside(store, id);
          read(store, id, size, offset, length, file);
        });
  }

  private static void staysInside(ChunkStore store, ChunkId id) {
    FuzzRule.checkSha256(id.toString());
    FuzzRule.check(DIRECTORY.equals(store.path(id).normalize().getParent()), "inside the store");
  }

  private static void read(
      ChunkStore store, ChunkId id, long size, long offset, int length, OneFile file)
      throws IOException {
    byte[] read = new byte[length];
    store.acquire(ChunkKind.VALUES, id, size).read(offset, read, 0, length);
    for (int i = 0; i < length; i++) {
      FuzzRule.check(read[i] == file.bytes()[(int) offset + i], "the bytes that were asked for");
    }
  }
}
