package io.bailey.io;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PosixTest {
  /** Two huge pages. */
  private static final int HUGE_BYTES = 4 << 20;

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

  @Test
  void aMappedFile_isShared_liesWhereHugePagesFit_andEndsWithItsArena(@TempDir Path directory)
      throws Exception {
    Path path = directory.resolve("file");
    byte[] bytes = new byte[5 << 20];
    bytes[4 << 20] = 7;
    Files.write(path, bytes);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = Posix.mapShared(path, bytes.length, arena);
      assertThat(memory.byteSize()).isEqualTo(bytes.length);
      assertThat(memory.address() % (2 << 20)).isZero();
      assertThat(memory.get(ValueLayout.JAVA_BYTE, 4 << 20)).isEqualTo((byte) 7);
      memory.set(ValueLayout.JAVA_BYTE, bytes.length - 1, (byte) 9);
      assertThat(Files.readAllBytes(path)[bytes.length - 1]).isEqualTo((byte) 9);
    }
    // Other threads map memory at any time, also where this lay: so many mappings are counted.
    int rounds = 1000;
    long before = mappedBytes();
    for (int round = 0; round < rounds; round++) {
      try (Arena arena = Arena.ofConfined()) {
        Posix.mapShared(path, bytes.length, arena);
      }
    }
    assertThat(mappedBytes() - before).isLessThan(rounds * (1L << 20));
  }

  @Test
  void aFileThatIsNotThere_isNamed(@TempDir Path directory) {
    Path path = directory.resolve("file");
    assertThatThrownBy(() -> Posix.mapShared(path, 4096, Arena.ofAuto()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(path.toString());
  }

  @Test
  void populating_putsAFileOfAMemoryFileSystem_intoHugePages() throws Exception {
    assertThat(hugePageKib(new byte[HUGE_BYTES], Posix::populate)).isEqualTo(HUGE_BYTES >> 10);
  }

  @Test
  void collapsing_fillsAHugePage_ofWhichAFileHasOneSmall() throws Exception {
    assertThat(hugePageKib(new byte[1], Posix::collapse)).isEqualTo(HUGE_BYTES >> 10);
  }

  /** Of a file of a memory file system with so many bytes at its start, and one at its end. */
  private static int hugePageKib(byte[] start, Consumer<MemorySegment> how) throws IOException {
    assumeThat(Path.of("/sys/kernel/mm/transparent_hugepage/shmem_enabled"))
        .as("a kernel with huge pages for these files")
        .exists();
    Path directory = Files.createTempDirectory(Path.of("/dev/shm"), "bailey-test-");
    Path path = directory.resolve("file");
    try (Arena arena = Arena.ofConfined();
        FileChannel file = FileChannel.open(path, CREATE_NEW, WRITE)) {
      file.write(ByteBuffer.wrap(start), 0);
      file.write(ByteBuffer.allocate(1), HUGE_BYTES - 1);
      MemorySegment memory = Posix.mapShared(path, HUGE_BYTES, arena);
      how.accept(memory);
      // Some kernels map a huge page no sooner.
      for (int at = 0; at < HUGE_BYTES; at += 4096) {
        assertThat(memory.get(ValueLayout.JAVA_BYTE, at)).isZero();
      }
      return hugePageKib(memory.address());
    } finally {
      Files.delete(path);
      Files.delete(directory);
    }
  }

  /** Of the mapping that begins there, what is mapped in huge pages. */
  private static int hugePageKib(long address) throws IOException {
    List<String> lines = Files.readAllLines(Path.of("/proc/self/smaps"));
    int at = 0;
    while (!lines.get(at).startsWith(Long.toHexString(address) + "-")) {
      at++;
    }
    while (!lines.get(at).startsWith("ShmemPmdMapped:")) {
      at++;
    }
    return Integer.parseInt(lines.get(at).replaceAll("\\D", ""));
  }

  private static long mappedBytes() throws IOException {
    return pages(0) * 4096;
  }

  private static long residentPages() throws IOException {
    return pages(1);
  }

  private static long pages(int field) throws IOException {
    return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ", -1)[field]);
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
