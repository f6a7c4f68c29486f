package io.bailey.io;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * System calls of Linux that the JDK has no words for, through the foreign function interface.
 * Thread-safe.
 */
public final class Posix {
  static final int ENOSPC = 28;

  /** {@code preadv2}: fail rather than wait for a disk. */
  static final int RWF_NOWAIT = 8;

  /** {@code sync_file_range}: begin to write, and wait for nothing. */
  private static final int SYNC_FILE_RANGE_WRITE = 2;

  /** {@code madvise}: give every page of a mapping its memory now (Linux 5.14). */
  private static final int MADV_POPULATE_WRITE = 23;

  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  private static final int O_CLOEXEC = 0x80000;

  private static final Linker LINKER = Linker.nativeLinker();

  private static final MethodHandle OPEN =
      function(
          "open",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle CLOSE =
      function("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
  private static final MethodHandle FALLOCATE =
      function(
          "posix_fallocate",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG));
  private static final MethodHandle SYNC_FILE_RANGE =
      function(
          "sync_file_range",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));
  private static final MethodHandle PREADV2 =
      function(
          "preadv2",
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));
  private static final MethodHandle MADVISE =
      function(
          "madvise",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));

  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int MAP_PRIVATE = 2;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_NORESERVE = 0x4000;
  private static final long MAP_FAILED = -1;

  private static final MethodHandle MMAP =
      function(
          "mmap",
          FunctionDescriptor.of(
              ValueLayout.ADDRESS,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG));
  private static final MethodHandle MUNMAP =
      function(
          "munmap",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));

  /** From here on, the first byte of a mapping may take a huge page. */
  private static final long MUCH_BYTES = 32 << 20;

  /** {@code madvise}: let the kernel back a mapping with huge pages where it can. */
  private static final int MADV_HUGEPAGE = 14;

  private static final MethodHandle SETPRIORITY =
      function(
          "setpriority",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT));

  /** {@code setpriority}: a process, or on Linux a thread. */
  private static final int PRIO_PROCESS = 0;

  private Posix() {}

  private static MethodHandle function(
      String name, FunctionDescriptor descriptor, Linker.Option... options) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, options);
  }

  /** Opens a file that exists; -1 if that fails. */
  static int open(Path path, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) OPEN.invokeExact(arena.allocateFrom(path.toString()), mode | O_CLOEXEC);
    } catch (Throwable e) {
      throw new IllegalStateException("open", e);
    }
  }

  static void close(int fd) {
    try {
      int _ = (int) CLOSE.invokeExact(fd);
    } catch (Throwable e) {
      throw new IllegalStateException("close", e);
    }
  }

  /** Gives a file that many bytes, with room for each; returns 0 or the error's number. */
  static int allocate(int fd, long bytes) {
    try {
      return (int) FALLOCATE.invokeExact(fd, 0L, bytes);
    } catch (Throwable e) {
      throw new IllegalStateException("posix_fallocate", e);
    }
  }

  /** Has what was written to a part of a file begin its way to the disk; a hint. */
  static void writeOut(int fd, long offset, long length) {
    try {
      int _ = (int) SYNC_FILE_RANGE.invokeExact(fd, offset, length, SYNC_FILE_RANGE_WRITE);
    } catch (Throwable e) {
      throw new IllegalStateException("sync_file_range", e);
    }
  }

  /**
   * {@code preadv2} into one buffer.
   *
   * @param iovec 16 bytes: address and length of the buffer
   * @return bytes read, or -1
   */
  static long preadv2(int fd, MemorySegment iovec, long offset, int flags) {
    try {
      return (long) PREADV2.invokeExact(fd, iovec, 1, offset, flags);
    } catch (Throwable e) {
      throw new IllegalStateException("preadv2", e);
    }
  }

  /**
   * Touches every page of a writable mapping in one call. That it fails, as on older kernels, costs
   * time later and nothing else.
   */
  public static void populate(MemorySegment mapping) {
    advise(mapping, MADV_POPULATE_WRITE);
  }

  /**
   * Reserves memory that is zero and takes room only where it was touched. If there is much of it,
   * it is in huge pages where the kernel has them, so that a read at random has its address
   * translated sooner.
   *
   * @param arena what ends it
   * @throws OutOfMemoryError where the kernel doesn't reserve so much
   */
  public static MemorySegment reserve(long bytes, Arena arena) {
    MemorySegment mapped;
    try {
      mapped =
          (MemorySegment)
              MMAP.invokeExact(
                  MemorySegment.NULL,
                  bytes,
                  PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1,
                  0L);
    } catch (Throwable e) {
      throw new IllegalStateException("mmap", e);
    }
    if (mapped.address() == MAP_FAILED) {
      throw new OutOfMemoryError("the system doesn't reserve " + bytes + " bytes");
    }
    MemorySegment memory = mapped.reinterpret(bytes, arena, Posix::unmap);
    if (bytes >= MUCH_BYTES) {
      advise(memory, MADV_HUGEPAGE);
    }
    return memory;
  }

  private static void unmap(MemorySegment memory) {
    try {
      int _ = (int) MUNMAP.invokeExact(memory, memory.byteSize());
    } catch (Throwable e) {
      throw new IllegalStateException("munmap", e);
    }
  }

  private static void advise(MemorySegment mapping, int advice) {
    try {
      int _ = (int) MADVISE.invokeExact(mapping, mapping.byteSize(), advice);
    } catch (Throwable e) {
      throw new IllegalStateException("madvise", e);
    }
  }

  /**
   * Lets the calling thread have the processor after others, for the rest of its life.
   *
   * @param nice 1 to 19, of which 19 yields most; a refusal changes nothing
   */
  public static void yieldToOthers(int nice) {
    try {
      int _ = (int) SETPRIORITY.invokeExact(PRIO_PROCESS, 0, nice);
    } catch (Throwable e) {
      throw new IllegalStateException("setpriority", e);
    }
  }
}
