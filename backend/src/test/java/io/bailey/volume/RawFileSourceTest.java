package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Raw disks, holes and all, and files that are no raw disks. */
class RawFileSourceTest {
  @TempDir private Path directory = Path.of("");

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(directory.resolve(name), bytes);
  }

  private static void assertRefused(Path path, String... words) {
    assertThatThrownBy(() -> RawFileSource.open(path).close())
        .isInstanceOf(StorageException.class)
        .hasFieldOrPropertyWithValue("kind", StorageException.Kind.INVALID)
        .hasMessageContaining(path.toString())
        .hasMessageContainingAll(words)
        .hasMessageNotContaining("\n");
  }

  @Test
  void bytes_areTheFiles() throws IOException {
    byte[] bytes = new byte[5 * 512];
    new Random(42).nextBytes(bytes);
    try (RawFileSource source = RawFileSource.open(file("disk", bytes))) {
      assertThat(source.size()).isEqualTo(bytes.length);
      byte[] read = new byte[2000];
      source.read(100, read, 7, 1500);
      assertThat(Arrays.copyOfRange(read, 7, 1507)).isEqualTo(Arrays.copyOfRange(bytes, 100, 1600));
      assertThat(read[6]).isZero();
      assertThat(read[1507]).isZero();
    }
  }

  @Test
  void holes_areSkipped() throws IOException {
    Path disk = directory.resolve("sparse");
    long island = 8L << 30;
    try (FileChannel channel =
        FileChannel.open(
            disk,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.SPARSE)) {
      channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), island + 512);
      channel.write(ByteBuffer.wrap(new byte[] {0}), 2 * island - 1);
    }
    try (RawFileSource source = RawFileSource.open(disk)) {
      assertThat(source.size()).isEqualTo(2 * island);
      long data = source.nextData(0);
      assertThat(data).isBetween(island - (1 << 20), island + 512);
      assertThat(source.nextData(island + 512)).isEqualTo(island + 512);
      assertThat(source.nextData(island + (1 << 20))).isGreaterThan(2 * island - (1 << 21));
      assertThat(source.nextData(2 * island)).isEqualTo(2 * island);
    }
  }

  @Test
  void wrongFiles_areRefusedInOneLine() throws Exception {
    assertRefused(directory.resolve("none"), "no such file");
    assertRefused(directory, "is a directory");
    assertRefused(Path.of("/dev/zero"), "is not a file");
    assertRefused(file("empty", new byte[0]), "is empty");
    assertRefused(file("odd", new byte[1000]), "1000 bytes", "multiple of 512", "truncate -s 1024");
    assertRefused(file("short", new byte[100]), "multiple of 512");
    assertRefused(directory.resolve("odd/below"), "no such file");
  }

  @Test
  void pipe_isRefusedWithoutWaitingForAWriter() throws Exception {
    Path pipe = directory.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    assertRefused(pipe, "is not a file");
  }

  @ParameterizedTest
  @CsvSource({
    "QFI\u00fb,0,qcow2",
    "KDMV,0,VMDK",
    "# Disk DescriptorFile,0,VMDK",
    "conectix,0,VHD",
    "conectix,3584,VHD",
    "vhdxfile,0,VHDX",
    "QED\0,0,QED",
    "\u007f\u0010\u00da\u00be,64,VDI"
  })
  void otherFormats_areRefused_withTheWayToConvert(String magic, int offset, String format)
      throws IOException {
    byte[] bytes = new byte[4096];
    byte[] head = magic.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(head, 0, bytes, offset, head.length);
    assertRefused(file("disk", bytes), "is a " + format + " file", "qemu-img convert -O raw");
  }

  @ParameterizedTest
  @CsvSource({"qcow2,qcow2", "vmdk,VMDK", "vpc,VHD", "vhdx,VHDX", "vdi,VDI", "qed,QED"})
  void whatQemuMakes_isKnown(String format, String shown) throws Exception {
    Path disk = directory.resolve("disk." + format);
    Process made =
        new ProcessBuilder("qemu-img", "create", "-q", "-f", format, disk.toString(), "64M")
            .inheritIO()
            .start();
    assertThat(made.waitFor()).as("qemu-img, of the package qemu-utils").isZero();
    assertRefused(disk, shown, "qemu-img convert");
  }

  @ParameterizedTest
  @CsvSource({"gzip,gunzip", "xz,unxz"})
  void compressedFiles_areRefused_withTheWayToUnpack(String packer, String unpacker)
      throws Exception {
    Path disk = file("disk", new byte[1 << 20]);
    assertThat(new ProcessBuilder(packer, disk.toString()).start().waitFor()).isZero();
    try (var files = Files.list(directory)) {
      Path packed = files.findFirst().orElseThrow();
      assertRefused(packed, "compressed", unpacker);
    }
  }

  @Test
  void fileCutShortWhileItIsRead_isAnErrorThatSaysWhere() throws IOException {
    Path disk = file("disk", new byte[8192]);
    try (RawFileSource source = RawFileSource.open(disk)) {
      try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
        channel.truncate(4096);
      }
      assertThatThrownBy(() -> source.read(0, new byte[8192], 0, 8192))
          .hasMessageContaining("cut short at byte 4096");
    }
  }
}
