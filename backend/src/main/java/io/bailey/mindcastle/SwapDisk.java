package io.bailey.mindcastle;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.volume.DiskSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * A disk that Mindcastle wrote, read from its {@code .swap} file and the chunks beside it; the
 * format is on the package's page. Every byte is authenticated by the tags that lead to it. Quick
 * where reads go forwards. One thread.
 */
public final class SwapDisk implements DiskSource {
  private static final int BLOCK_BYTES = 4096;
  private static final int BLOCK_SHIFT = 12;

  /** Levels grow by a factor of 16, so no disk has near as many. */
  private static final int MAX_LEVELS = 64;

  /** Of the lists of chunks of all levels: a million. */
  private static final int MAX_USER_BYTES = 40 << 20;

  private static final LZ4SafeDecompressor DECOMPRESSOR =
      LZ4Factory.fastestInstance().safeDecompressor();

  private final SwapFile file;
  private final Chunks chunks;

  /** Newest first. */
  private final List<IndexTree> levels = new ArrayList<>();

  private final byte[] sealedValue = new byte[Sealed.NONCE_BYTES + BLOCK_BYTES + Sealed.TAG_BYTES];
  private final byte[] value = new byte[BLOCK_BYTES];
  private final byte[] block = new byte[BLOCK_BYTES];

  SwapDisk(SwapFile file, Chunks chunks, Sealed sealed) throws IOException {
    this.file = file;
    this.chunks = chunks;
    int userBytes = MAX_USER_BYTES;
    Optional<SwapFile.TreeRef> next = file.newest();
    while (next.isPresent()) {
      if (levels.size() == MAX_LEVELS) {
        throw new StorageException(
            Kind.DAMAGED, file.path() + " leads to more than " + MAX_LEVELS + " levels");
      }
      IndexTree tree = new IndexTree(chunks, sealed, next.get(), userBytes);
      userBytes -= tree.userBytes();
      levels.add(tree);
      next = tree.older();
    }
  }

  /** Whether a file is the text of such a disk, by its name and size. */
  public static boolean isOne(Path path) {
    String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
    return name.endsWith(".swap")
        && Files.isRegularFile(path)
        && path.toFile().length() <= SwapFile.MAX_BYTES;
  }

  /**
   * Opens a disk.
   *
   * @param path of its {@code .swap} file
   * @throws StorageException kind {@code INVALID} if that isn't one or a chunk is missing, {@code
   *     DAMAGED} if a tree isn't what it was; each names the file
   */
  public static SwapDisk open(Path path) throws IOException {
    SwapFile file = SwapFile.parse(path, text(path));
    ChunkFiles chunks = new ChunkFiles(file);
    try {
      return new SwapDisk(file, chunks, Sealed.with(file.key()));
    } catch (IOException | RuntimeException e) {
      chunks.close();
      throw e;
    }
  }

  private static byte[] text(Path path) throws IOException {
    try {
      return Files.readAllBytes(path);
    } catch (NoSuchFileException e) {
      throw new StorageException(Kind.INVALID, "no such file: " + path, e);
    } catch (IOException e) {
      throw new StorageException(Kind.IO, "cannot read " + path + ": " + e.getMessage(), e);
    }
  }

  @Override
  public long size() {
    return file.size();
  }

  @Override
  public long nextData(long offset) throws IOException {
    long next = Long.MAX_VALUE;
    for (IndexTree tree : levels) {
      if (tree.seek(offset >>> BLOCK_SHIFT)) {
        next = Math.min(next, tree.block());
      }
    }
    long end = file.size();
    return next > (end - 1) >>> BLOCK_SHIFT ? end : Math.max(offset, next << BLOCK_SHIFT);
  }

  @Override
  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    for (int done = 0; done < length; ) {
      int inBlock = (int) ((offset + done) & (BLOCK_BYTES - 1));
      int count = Math.min(BLOCK_BYTES - inBlock, length - done);
      readBlock((offset + done) >>> BLOCK_SHIFT);
      System.arraycopy(block, inBlock, dst, dstOffset + done, count);
      done += count;
    }
  }

  private void readBlock(long number) throws IOException {
    for (IndexTree tree : levels) {
      if (tree.seek(number) && tree.block() == number) {
        readValue(tree);
        return;
      }
    }
    Arrays.fill(block, (byte) 0);
  }

  private void readValue(IndexTree tree) throws IOException {
    int size = tree.size();
    int plain = size - Sealed.NONCE_BYTES;
    if (plain < 1 || plain > BLOCK_BYTES) {
      throw damaged(tree, "is said to have " + size + " bytes");
    }
    chunks.read(tree.chunk(), tree.offset(), sealedValue, size);
    if (!tree.open(sealedValue, plain == BLOCK_BYTES ? block : value)) {
      throw damaged(tree, "isn't what was sealed");
    }
    if (plain < BLOCK_BYTES && expand(plain) != BLOCK_BYTES) {
      throw damaged(tree, "doesn't expand to a block");
    }
  }

  private int expand(int length) {
    try {
      return DECOMPRESSOR.decompress(value, 0, length, block, 0, BLOCK_BYTES);
    } catch (LZ4Exception e) {
      return -1;
    }
  }

  private StorageException damaged(IndexTree tree, String what) throws StorageException {
    return new StorageException(
        Kind.DAMAGED,
        "block %d of %s, at offset %d of %s.lvl, %s"
            .formatted(tree.block(), file.path(), tree.offset(), tree.chunk(), what));
  }

  @Override
  public void close() throws IOException {
    chunks.close();
  }
}
