package io.bailey.chunk;

import io.bailey.io.HostFile;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What a chunk file holds, as its first 8 bytes say.
 *
 * <pre>
 *  0      6      7        8
 * +------+------+---------+----
 * |BAILEY| kind | version | values or nodes …
 * +------+------+---------+----
 * </pre>
 */
public enum ChunkKind {
  /** Sealed values, one after the other. */
  VALUES('V'),
  /** The sealed nodes of one run's B+-tree, and its descriptor. */
  TREE('T');

  /** Bytes before the first value or node. */
  public static final int HEADER_BYTES = 8;

  private static final int VERSION = 1;
  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y'};

  private final char letter;

  ChunkKind(char letter) {
    this.letter = letter;
  }

  byte[] header() {
    byte[] header = new byte[HEADER_BYTES];
    System.arraycopy(MAGIC, 0, header, 0, MAGIC.length);
    header[6] = (byte) letter;
    header[7] = VERSION;
    return header;
  }

  /** Refuses a file that isn't a chunk of this kind, or is one of a newer version. */
  void check(HostFile file, Path path) throws IOException {
    byte[] found = new byte[HEADER_BYTES];
    file.read(0, found, 0, HEADER_BYTES);
    for (int i = 0; i < MAGIC.length; i++) {
      if (found[i] != MAGIC[i]) {
        throw new StorageException(Kind.DAMAGED, "chunk " + path + " doesn't begin with BAILEY");
      }
    }
    if (found[6] != letter) {
      throw new StorageException(
          Kind.DAMAGED,
          "chunk %s is of kind 0x%02x, not %s".formatted(path, found[6] & 0xFF, letter));
    }
    if (found[7] != VERSION) {
      throw new StorageException(
          found[7] > VERSION ? Kind.TOO_NEW : Kind.DAMAGED,
          "chunk " + path + " has version " + found[7] + ", this program reads " + VERSION);
    }
  }
}
