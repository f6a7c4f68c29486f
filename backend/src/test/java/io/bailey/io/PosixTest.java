package io.bailey.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

final class PosixTest {
  @Test
  void aThreadThatYields_doesSoAlone() throws Exception {
    int before = niceOfThisThread();
    try (ExecutorService one = Executors.newSingleThreadExecutor()) {
      int other =
          one.submit(
                  () -> {
                    Posix.yieldToOthers(19);
                    return niceOfThisThread();
                  })
              .get();
      assertThat(other).isEqualTo(19);
    }
    assertThat(niceOfThisThread()).isEqualTo(before);
  }

  private static int niceOfThisThread() throws IOException {
    String stat = Files.readString(Path.of("/proc/thread-self/stat"));
    // The 19th field; the second, a name in brackets, may have spaces.
    return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[16]);
  }

  @Test
  void reservedMemory_isZero_takesRoomWhenItIsTouched_andEndsWithItsArena() throws Exception {
    long bytes = 64L << 30;
    long middle;
    try (Arena arena = Arena.ofConfined()) {
      long before = residentPages();
      MemorySegment memory = Posix.reserve(bytes, arena);
      assertThat(memory.get(ValueLayout.JAVA_LONG, bytes - 8)).isZero();
      memory.set(ValueLayout.JAVA_LONG, bytes / 2, 5);
      assertThat(memory.get(ValueLayout.JAVA_LONG, bytes / 2)).isEqualTo(5);
      assertThat(residentPages() - before).as("of 16 Mi pages").isLessThan(1 << 16);
      middle = memory.address() + bytes / 2;
      assertThat(isMapped(middle)).isTrue();
    }
    assertThat(isMapped(middle)).isFalse();
  }

  private static long residentPages() throws IOException {
    return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ", -1)[1]);
  }

  private static boolean isMapped(long address) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      String[] ends = line.substring(0, line.indexOf(' ')).split("-", -1);
      if (Long.parseUnsignedLong(ends[0], 16) <= address
          && address < Long.parseUnsignedLong(ends[1], 16)) {
        return true;
      }
    }
    return false;
  }
}
