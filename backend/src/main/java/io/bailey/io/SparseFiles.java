package io.bailey.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/** Finds where a file has bytes and where it has holes, as {@code lseek(2)} tells it. */
public final class SparseFiles {
  private static final int O_RDONLY = 0;
  private static final int O_CLOEXEC = 0x80000;
  private static final int SEEK_DATA = 3;
  private static final int ENXIO = 6;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO_FIELD =
      CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final MethodHandle OPEN =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("open"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
          ERRNO,
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle LSEEK =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("lseek"),
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT),
          ERRNO);
  private static final MethodHandle CLOSE =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("close"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

  private SparseFiles() {}

  /**
   * Opens a file to ask about its holes. Where the system can't tell (some file systems, block
   * devices), the answers say that all of it is data. Not thread-safe.
   */
  public static Holes open(Path file) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(CALL_STATE);
      int descriptor =
          (int) OPEN.invokeExact(state, arena.allocateFrom(file.toString()), O_RDONLY | O_CLOEXEC);
      if (descriptor < 0) {
        throw new StorageException(
            StorageException.Kind.IO,
            "cannot open " + file + ": errno " + (int) ERRNO_FIELD.get(state, 0L));
      }
      return new Holes(descriptor);
    } catch (IOException | RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("open(2) threw", e);
    }
  }

  /** An open file. */
  public static final class Holes implements AutoCloseable {
    private final int descriptor;
    private boolean closed;

    private Holes(int descriptor) {
      this.descriptor = descriptor;
    }

    /**
     * Where data begins at or after {@code offset}, a byte of the file; {@code end} where there is
     * none before it.
     */
    public long nextData(long offset, long end) {
      if (closed) {
        throw new IllegalStateException("closed");
      }
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment state = arena.allocate(CALL_STATE);
        long found = (long) LSEEK.invokeExact(state, descriptor, offset, SEEK_DATA);
        if (found >= 0) {
          return Math.min(found, end);
        }
        return (int) ERRNO_FIELD.get(state, 0L) == ENXIO ? end : offset;
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException("lseek(2) threw", e);
      }
    }

    @Override
    public void close() {
      if (closed) {
        return;
      }
      closed = true;
      try {
        int ignored = (int) CLOSE.invokeExact(descriptor);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException("close(2) threw", e);
      }
    }
  }
}
