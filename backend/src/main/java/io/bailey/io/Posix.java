package io.bailey.io;

import java.io.IOException;
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

  /**
   * {@code madvise}: put what a mapping has into huge pages, whatever is configured (Linux 6.1).
   */
  private static final int MADV_COLLAPSE = 25;

  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  private static final int O_CLOEXEC = 0x80000;

  private static final Linker LINKER = Linker.nativeLinker();

  /**
   * A call of six machine words that returns one. All functions are linked as this: where the first
   * six words go in registers, as on x86-64 and aarch64, a function takes those that it knows. Each
   * shape of its own would cost a start 5 ms and more, for the code that the JDK makes for it.
   */
  private static final FunctionDescriptor WORDS =
      FunctionDescriptor.of(
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG);

  private static final MethodHandle OPEN = function("open");
  private static final MethodHandle CLOSE = function("close");
  private static final MethodHandle FALLOCATE = function("posix_fallocate");
  private static final MethodHandle SYNC_FILE_RANGE = function("sync_file_range");
  private static final MethodHandle PREADV2 = function("preadv2");
  private static final MethodHandle MADVISE = function("madvise");
  private static final MethodHandle MMAP = function("mmap");
  private static final MethodHandle MUNMAP = function("munmap");
  private static final MethodHandle SETPRIORITY = function("setpriority");

  private static final int PROT_NONE = 0;
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int MAP_SHARED = 1;
  private static final int MAP_PRIVATE = 2;
  private static final int MAP_FIXED = 0x10;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_NORESERVE = 0x4000;
  private static final long MAP_FAILED = -1;

  /** Of x86-64, and of aarch64 with its usual pages. */
  public static final long HUGE_PAGE_BYTES = 2 << 20;

  /** From here on, the first byte of a mapping may take a huge page. */
  private static final long MUCH_BYTES = 32 << 20;

  /** {@code madvise}: let the kernel back a mapping with huge pages where it can. */
  private static final int MADV_HUGEPAGE = 14;

  /** {@code setpriority}: a process, or on Linux a thread. */
  private static final int PRIO_PROCESS = 0;

  private Posix() {}

  private static MethodHandle function(String name) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), WORDS);
  }

  private static long call(MethodHandle function, long a, long b, long c, long d, long e, long f) {
    try {
      return (long) function.invokeExact(a, b, c, d, e, f);
    } catch (Throwable failure) {
      throw new IllegalStateException("a system call threw", failure);
    }
  }

  /** Opens a file that exists; -1 if that fails. */
  static int open(Path path, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path.toString());
      return (int) call(OPEN, name.address(), mode | O_CLOEXEC, 0, 0, 0, 0);
    }
  }

  static void close(int fd) {
    call(CLOSE, fd, 0, 0, 0, 0, 0);
  }

  /** Gives a file that many bytes, with room for each; returns 0 or the error's number. */
  static int allocate(int fd, long bytes) {
    return (int) call(FALLOCATE, fd, 0, bytes, 0, 0, 0);
  }

  /** Has what was written to a part of a file begin its way to the disk; a hint. */
  static void writeOut(int fd, long offset, long length) {
    call(SYNC_FILE_RANGE, fd, offset, length, SYNC_FILE_RANGE_WRITE, 0, 0);
  }

  /**
   * {@code preadv2} into one buffer.
   *
   * @param iovec 16 bytes: address and length of the buffer
   * @return bytes read, or -1
   */
  static long preadv2(int fd, MemorySegment iovec, long offset, int flags) {
    return call(PREADV2, fd, iovec.address(), 1, offset, flags, 0);
  }

  /**
   * Maps a file shared and writable, where its huge pages can be mapped as such.
   *
   * @param bytes of the file
   * @param arena what ends it
   * @throws IOException where the file can't be opened, or the kernel doesn't map it
   */
  public static MemorySegment mapShared(Path file, long bytes, Arena arena) throws IOException {
    int fd = open(file, O_RDWR);
    if (fd < 0) {
      throw new IOException("can't open " + file + " to map it");
    }
    try {
      // A place of the alignment, found by asking for more than is needed.
      long room = bytes + HUGE_PAGE_BYTES;
      long found =
          call(MMAP, 0, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (found == MAP_FAILED) {
        throw new IOException("no address space to map " + file);
      }
      long address = (found + HUGE_PAGE_BYTES - 1) & -HUGE_PAGE_BYTES;
      if (call(MMAP, address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0)
          == MAP_FAILED) {
        call(MUNMAP, found, room, 0, 0, 0, 0);
        throw new IOException("the system doesn't map " + bytes + " bytes of " + file);
      }
      MemorySegment whole = MemorySegment.ofAddress(found).reinterpret(room, arena, Posix::unmap);
      return whole.asSlice(address - found, bytes);
    } finally {
      close(fd);
    }
  }

  /**
   * Touches every page of a writable mapping in one call, once its pages are put together into huge
   * ones: a hypervisor that keeps page tables of its own takes long for the first touch of each.
   * That it fails, as on older kernels, costs time later and nothing else.
   */
  public static void populate(MemorySegment mapping) {
    collapse(mapping);
    advise(mapping, MADV_POPULATE_WRITE);
  }

  /**
   * Puts the pages of a mapping together into huge ones; a hint. Where a file of a memory file
   * system has one page of a huge one's, the others come with it.
   */
  public static void collapse(MemorySegment mapping) {
    advise(mapping, MADV_COLLAPSE);
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
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    long address = call(MMAP, 0, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (address == MAP_FAILED) {
      throw new OutOfMemoryError("the system doesn't reserve " + bytes + " bytes");
    }
    MemorySegment memory = MemorySegment.ofAddress(address).reinterpret(bytes, arena, Posix::unmap);
    if (bytes >= MUCH_BYTES) {
      advise(memory, MADV_HUGEPAGE);
    }
    return memory;
  }

  private static void unmap(MemorySegment memory) {
    call(MUNMAP, memory.address(), memory.byteSize(), 0, 0, 0, 0);
  }

  private static void advise(MemorySegment mapping, int advice) {
    call(MADVISE, mapping.address(), mapping.byteSize(), advice, 0, 0, 0);
  }

  /**
   * Lets the calling thread have the processor after others, for the rest of its life.
   *
   * @param nice 1 to 19, of which 19 yields most; a refusal changes nothing
   */
  public static void yieldToOthers(int nice) {
    call(SETPRIORITY, PRIO_PROCESS, 0, nice, 0, 0, 0);
  }
}
