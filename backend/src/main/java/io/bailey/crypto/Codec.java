package io.bailey.crypto;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * A cipher and the arrays that sealing and opening blocks needs, lent to one thread at a time.
 *
 * <p>Design note: a pool and not a thread-local, because virtual threads come and go and each would
 * make its own.
 */
public final class Codec {
  private static final LZ4Compressor COMPRESSOR = LZ4Factory.fastestInstance().fastCompressor();
  private static final LZ4SafeDecompressor DECOMPRESSOR =
      LZ4Factory.fastestInstance().safeDecompressor();
  private static final int INITIAL_BYTES = 16 << 10;
  private static final int MAX_POOLED = 32;
  private static final ConcurrentLinkedQueue<Codec> POOL = new ConcurrentLinkedQueue<>();
  private static final AtomicInteger POOLED = new AtomicInteger();

  private final Aead aead = new Aead();
  private byte[] packed = new byte[INITIAL_BYTES];
  private byte[] sealed = new byte[INITIAL_BYTES];

  private Codec() {}

  /** Takes a codec; it must be given back. */
  public static Codec borrow() {
    Codec codec = POOL.poll();
    if (codec == null) {
      return new Codec();
    }
    POOLED.decrementAndGet();
    return codec;
  }

  /** Ends the use of this codec and its arrays. */
  public void giveBack() {
    if (POOLED.get() < MAX_POOLED) {
      POOLED.incrementAndGet();
      POOL.add(this);
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
    byte[] out = packed(COMPRESSOR.maxCompressedLength(length));
    int n = COMPRESSOR.compress(src, offset, length, out, 0, out.length);
    return n < length ? n : -1;
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
