package io.bailey.crypto;

import io.bailey.io.Pool;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/** A cipher and the arrays that sealing and opening blocks needs, lent to one thread at a time. */
public final class Codec {
  /** Bytes of a block: what is compressed and sealed as one. */
  public static final int BLOCK_BYTES = 4096;

  private static final LZ4Compressor COMPRESSOR = LZ4Factory.fastestInstance().fastCompressor();
  private static final LZ4SafeDecompressor DECOMPRESSOR =
      LZ4Factory.fastestInstance().safeDecompressor();

  /** Room that compressing a block needs. */
  public static final int MAX_COMPRESSED_BYTES = COMPRESSOR.maxCompressedLength(BLOCK_BYTES);

  private static final int INITIAL_BYTES = 16 << 10;
  private static final int MAX_POOLED_BYTES = 4 << 20;
  private static final Pool<Codec> POOL = new Pool<>(32);

  private final Aead aead = new Aead();
  private byte[] packed = new byte[INITIAL_BYTES];
  private byte[] sealed = new byte[INITIAL_BYTES];
  private final byte[] block = new byte[BLOCK_BYTES];

  private Codec() {}

  /** Takes a codec; it must be given back. */
  public static Codec borrow() {
    Codec codec = POOL.poll();
    return codec == null ? new Codec() : codec;
  }

  /** Ends the use of this codec and its arrays. */
  public void giveBack() {
    if (packed.length <= MAX_POOLED_BYTES && sealed.length <= MAX_POOLED_BYTES) {
      POOL.give(this);
    }
  }

  public Aead aead() {
    return aead;
  }

  /** An array of at least so many bytes for sealed data; what it held is lost. */
  public byte[] sealed(int capacity) {
    if (sealed.length < capacity) {
      sealed = new byte[Math.max(capacity, 2 * sealed.length)];
    }
    return sealed;
  }

  /** An array for one block in the clear; what it held is lost. */
  public byte[] block() {
    return block;
  }

  /** An array of at least so many bytes for compressed data; what it held is lost. */
  public byte[] packed(int capacity) {
    if (packed.length < capacity) {
      packed = new byte[Math.max(capacity, 2 * packed.length)];
    }
    return packed;
  }

  /**
   * Compresses into {@link #packed}.
   *
   * @return compressed bytes, or -1 if it doesn't get smaller
   */
  public int compress(byte[] src, int offset, int length) {
    int n = compress(src, offset, length, packed(COMPRESSOR.maxCompressedLength(length)), 0);
    return n < length ? n : -1;
  }

  /**
   * Compresses into an array.
   *
   * @param out has {@link #MAX_COMPRESSED_BYTES} of room for a block
   * @return compressed bytes, which can be more than there were
   */
  public static int compress(byte[] src, int offset, int length, byte[] out, int outOffset) {
    return COMPRESSOR.compress(src, offset, length, out, outOffset, out.length - outOffset);
  }

  /**
   * Compresses a block where that makes it smaller, and seals it.
   *
   * @param counter from {@link Epoch#nextCounter}
   * @return sealed bytes, {@link #BLOCK_BYTES} if it isn't compressed; they lie at the start of
   *     {@link #sealed}, with the tag after them
   */
  public int sealBlock(Epoch epoch, long counter, byte[] bytes, int offset) {
    int packedSize = compress(bytes, offset, BLOCK_BYTES);
    return packedSize < 0
        ? seal(epoch, counter, bytes, offset, BLOCK_BYTES)
        : seal(epoch, counter, packed, 0, packedSize);
  }

  /**
   * Seals a block that {@link #compress} made smaller.
   *
   * @return as {@link #sealBlock}
   */
  public int sealCompressed(Epoch epoch, long counter, byte[] bytes, int size) {
    return seal(epoch, counter, bytes, 0, size);
  }

  private int seal(Epoch epoch, long counter, byte[] bytes, int offset, int size) {
    byte[] out = sealed(size + Aead.TAG_BYTES);
    aead.seal(epoch, counter, bytes, offset, size, out, 0);
    return size;
  }

  /**
   * Opens what {@link #sealBlock} made.
   *
   * @param in holds {@code size} bytes at {@code at}, and has 16 bytes of room after them
   * @param dst receives the block; its content is undefined if this returns false
   * @return false if these are not the bytes that were sealed
   */
  public boolean openBlock(
      Epoch epoch,
      long counter,
      byte[] in,
      int at,
      int size,
      byte[] tags,
      int tag,
      byte[] dst,
      int dstAt) {
    if (size == BLOCK_BYTES) {
      return aead.open(epoch, counter, in, at, size, tags, tag, dst, dstAt);
    }
    byte[] plain = packed(size);
    return aead.open(epoch, counter, in, at, size, tags, tag, plain, 0)
        && decompress(plain, 0, size, dst, dstAt, BLOCK_BYTES);
  }

  /** Decompresses into exactly {@code outLength} bytes; false if that isn't what comes out. */
  public static boolean decompress(
      byte[] src, int offset, int length, byte[] out, int outOffset, int outLength) {
    try {
      return DECOMPRESSOR.decompress(src, offset, length, out, outOffset, outLength) == outLength;
    } catch (LZ4Exception e) {
      return false;
    }
  }
}
