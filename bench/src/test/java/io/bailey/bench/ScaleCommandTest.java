package io.bailey.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command from end to end, with few volumes. */
final class ScaleCommandTest {
  @TempDir private Path directory;

  @Test
  @Tag("slow")
  void measuresEveryPartAndLeavesNothingBehind() throws IOException {
    Path disks = Files.createDirectory(directory.resolve("disks"));
    Path out = directory.resolve("out");
    int code =
        BenchCommand.execute(
            "scale",
            "--image=1G",
            "--filled=8M",
            "--log=2M",
            "--volumes=10",
            "--repeat=2",
            "--memory=64M",
            "--dir=" + disks,
            "--out=" + out);
    assertThat(code).isZero();
    assertThat(disks).isEmptyDirectory();
    assertThat(Files.readString(out.resolve("scale.json")))
        .contains("fork of 1 GiB, 8 MiB of it filled, durable: 10th")
        .contains("opening a store of 10 volumes, each with 64 KiB")
        .contains("10 idle volumes, a client each: more than one, each")
        .contains("a volume of 16 TiB: read")
        .contains("opening a store after a power cut, 2 MiB of log");
  }

  @Test
  void aLogThatDoesNotFitIntoTheMemoryIsRefused() {
    assertThat(
            BenchCommand.execute(
                "scale", "--only=log", "--log=256M", "--memory=64M", "--dir=" + directory))
        .isEqualTo(1);
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void moreFilledThanThereIsIsAUsageError() {
    assertThat(BenchCommand.execute("scale", "--image=8M", "--filled=12M")).isEqualTo(2);
  }

  @Test
  void sparseDiskHasItsDataInExtentsThatItNames() {
    try (SparseDisk disk = new SparseDisk(100 << 20, 12 << 20)) {
      byte[] piece = new byte[1 << 20];
      byte[] zeros = new byte[Pattern.BLOCK_BYTES];
      long filled = 0;
      for (long at = disk.nextData(0); at < disk.size(); at = disk.nextData(at + piece.length)) {
        disk.read(at, piece, 0, piece.length);
        for (int i = 0; i < piece.length; i += Pattern.BLOCK_BYTES) {
          byte[] block = Arrays.copyOfRange(piece, i, i + Pattern.BLOCK_BYTES);
          filled += Arrays.equals(block, zeros) ? 0 : block.length;
        }
      }
      assertThat(filled).isEqualTo(disk.filledBytes());
    }
  }
}
