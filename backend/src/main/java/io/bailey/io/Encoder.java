package io.bailey.io;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes the fields of an on-disk record into a growing array: big-endian integers, and variable
 * length ones of 7 bits a byte, lowest first, the top bit set on all but the last. One thread.
 */
public final class Encoder {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private byte[] array;
  private int size;

  public Encoder(int capacity) {
    array = new byte[capacity];
  }

  /** The array written to so far; its first {@link #size} bytes count. */
  public byte[] array() {
    return array;
  }

  public int size() {
    return size;
  }

  public byte[] toBytes() {
    return Arrays.copyOf(array, size);
  }

  public void clear() {
    size = 0;
  }

  public Encoder putByte(int value) {
    room(1);
    array[size++] = (byte) value;
    return this;
  }

  public Encoder putInt(int value) {
    room(4);
    INT.set(array, size, value);
    size += 4;
    return this;
  }

  public Encoder putLong(long value) {
    room(8);
    LONG.set(array, size, value);
    size += 8;
    return this;
  }

  public Encoder putVar(long value) {
    room(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      array[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    array[size++] = (byte) rest;
    return this;
  }

  public Encoder putBytes(byte[] src, int offset, int length) {
    room(length);
    System.arraycopy(src, offset, array, size, length);
    size += length;
    return this;
  }

  public Encoder putBytes(byte[] src) {
    return putBytes(src, 0, src.length);
  }

  /** UTF-8 after its length. */
  public Encoder putString(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return putVar(bytes.length).putBytes(bytes);
  }

  public Encoder putZeros(int length) {
    int at = skip(length);
    Arrays.fill(array, at, size, (byte) 0);
    return this;
  }

  /**
   * Makes room for {@code length} bytes, whatever is there, and returns where they begin; they
   * count as written.
   */
  public int skip(int length) {
    room(length);
    int at = size;
    size += length;
    return at;
  }

  private void room(int more) {
    if (array.length - size < more) {
      array = Arrays.copyOf(array, Math.max(array.length * 2, size + more));
    }
  }
}
