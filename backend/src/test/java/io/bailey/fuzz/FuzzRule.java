package io.bailey.fuzz;

import com.sun.management.ThreadMXBean;
import io.bailey.io.StorageException;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.ProtocolException;

/**
 * What holds for every target: on any input it ends normally, or with one of the exceptions that
 * say that the input is wrong, and allocates no more than twice what it may.
 */
public final class FuzzRule {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private FuzzRule() {}

  /** Reads an input. */
  @FunctionalInterface
  public interface Reading {
    void run() throws IOException;
  }

  /**
   * Reads an input that may be wrong; perhaps twice, since first of all classes are loaded.
   *
   * @param capBytes what the calling thread may allocate
   */
  public static void holds(long capBytes, Reading reading) {
    if (allocatedBy(reading) <= 2 * capBytes) {
      return;
    }
    long allocated = allocatedBy(reading);
    if (allocated > 2 * capBytes) {
      throw new AssertionError(allocated + " bytes were allocated, " + capBytes + " are the cap");
    }
  }

  private static long allocatedBy(Reading reading) {
    long before = THREADS.getCurrentThreadAllocatedBytes();
    try {
      reading.run();
    } catch (StorageException | ProtocolException | EOFException e) {
      if (e.getMessage() == null || e.getMessage().isBlank()) {
        throw new AssertionError("an error that says nothing", e);
      }
    } catch (IOException e) {
      throw new AssertionError("not one of the errors that a wrong input may have", e);
    }
    return THREADS.getCurrentThreadAllocatedBytes() - before;
  }

  /** Fails where a property of what was read doesn't hold. */
  public static void check(boolean holds, String property) {
    if (!holds) {
      throw new AssertionError(property);
    }
  }

  /**
   * Fails where a name isn't 64 hexadecimal digits. Not by a regular expression: the fuzzer follows
   * those, in memory that would count as the reader's.
   */
  public static void checkSha256(String name) {
    boolean digits = name.length() == 64;
    for (int i = 0; i < name.length(); i++) {
      digits &= "0123456789abcdef".indexOf(name.charAt(i)) >= 0;
    }
    check(digits, "64 hexadecimal digits");
  }
}
