package io.bailey.bench;

import java.io.IOException;

/** A disk under test. One thread; requests may be done later than asked for, up to its depth. */
interface Disk extends AutoCloseable {
  /** Takes what is read. */
  @FunctionalInterface
  interface Receiver {
    /** The bytes of a read; they are the receiver's only during the call. */
    void received(long offset, byte[] bytes, int at, int length) throws IOException;
  }

  /** Writes; the bytes may be changed again when this returns. */
  void write(long offset, byte[] bytes, int length) throws IOException;

  /** Reads; the receiver hears of it now or later. */
  void read(long offset, int length, Receiver receiver) throws IOException;

  /** Waits for what was asked for so far. */
  void drain() throws IOException;

  /** Makes what was written durable. */
  void flush() throws IOException;

  @Override
  void close() throws IOException;
}
