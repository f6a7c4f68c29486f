package io.bailey.io;

import io.bailey.io.StorageException.Kind;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads what {@link Encoder} wrote. Whatever the bytes are, it never reads past their end: it
 * throws {@code DAMAGED} with the name of the record instead. One thread.
 */
public final class Decoder {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private final Object what;
  private final byte[] array;
  private final int end;
  private int at;

  /**
   * A reader of part of an array.
   *
   * @param what names the record in errors, by its string
   */
  public Decoder(Object what, byte[] array, int offset, int length) {
    this.what = what;
    this.array = array;
    this.at = offset;
    this.end = offset + length;
  }

  public Decoder(Object what, byte[] array) {
    this(what, array, 0, array.length);
  }

  public int remaining() {
    return end - at;
  }

  public int position() {
    return at;
  }

  public int getByte() throws StorageException {
    need(1);
    return array[at++] & 0xFF;
  }

  public int getInt() throws StorageException {
    need(4);
    int value = (int) INT.get(array, at);
    at += 4;
    return value;
  }

  public long getLong() throws StorageException {
    need(8);
    long value = (long) LONG.get(array, at);
    at += 8;
    return value;
  }

  public long getVar() throws StorageException {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      need(1);
      byte b = array[at++];
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw damaged("has an integer of over 64 bits");
  }

  /** A variable length integer that must lie within bounds, both included. */
  public long getVar(long min, long max) throws StorageException {
    long value = getVar();
    if (value < min || value > max) {
      throw damaged("holds " + value + " where " + min + " to " + max + " is allowed");
    }
    return value;
  }

  /** Like {@link #getVar(long, long)}. */
  public int getVarInt(int min, int max) throws StorageException {
    return (int) getVar(min, max);
  }

  /** A variable length integer that isn't negative. */
  public long getCount() throws StorageException {
    return getVar(0, Long.MAX_VALUE);
  }

  public byte[] getBytes(int length) throws StorageException {
    need(length);
    at += length;
    return Arrays.copyOfRange(array, at - length, at);
  }

  public void getBytes(byte[] dst, int offset, int length) throws StorageException {
    need(length);
    System.arraycopy(array, at, dst, offset, length);
    at += length;
  }

  public String getString(int maxBytes) throws StorageException {
    return new String(getBytes(getVarInt(0, maxBytes)), StandardCharsets.UTF_8);
  }

  public StorageException damaged(String how) {
    return new StorageException(Kind.DAMAGED, what + " " + how);
  }

  private void need(int length) throws StorageException {
    if (length < 0 || end - at < length) {
      throw damaged("ends too early");
    }
  }
}
