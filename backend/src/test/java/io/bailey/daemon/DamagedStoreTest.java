package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.nbd.StampedDisk;
import io.bailey.nbd.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Bytes of a store's files are flipped while no daemon runs. */
@Tag("slow")
@Timeout(120)
class DamagedStoreTest {
  private static final int SIZE = 8 << 20;
  private final DaemonProcess bailey;

  DamagedStoreTest() throws IOException {
    bailey = new DaemonProcess();
  }

  @AfterEach
  void end() throws Exception {
    bailey.close();
  }

  private Path disk(String name, int seed) throws IOException {
    byte[] bytes = new byte[SIZE];
    new Random(seed).nextBytes(bytes);
    return Files.write(bailey.directory.resolve(name), bytes);
  }

  private Set<Path> chunks() throws IOException {
    try (Stream<Path> files = Files.list(bailey.store().resolve("chunks"))) {
      return files.collect(Collectors.toSet());
    }
  }

  private static void flip(Path file, long at) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      int old = bytes.read();
      bytes.seek(at);
      bytes.write(old ^ 1);
    }
  }

  private static Tool qemuIo(String uri, String command) throws IOException {
    return Tool.tryRun(Duration.ofSeconds(30), List.of("qemu-io", "-f", "raw", "-c", command, uri));
  }

  /**
   * Reads a volume 64 KiB at a time and compares with what it must hold.
   *
   * @return how many reads failed
   */
  private int readAll(String uri, Path expected) throws IOException {
    Path script = bailey.directory.resolve("read.py");
    Files.writeString(
        script,
        """
        import nbd, sys
        h = nbd.NBD()
        h.connect_uri(sys.argv[1])
        expected = open(sys.argv[2], 'rb').read()
        failed = 0
        for at in range(0, len(expected), 65536):
            try:
                if h.pread(65536, at) != expected[at:at + 65536]:
                    sys.exit('wrong bytes at %d' % at)
            except nbd.Error as e:
                if e.errno != 'EIO':
                    sys.exit('%s at %d' % (e.errno, at))
                failed += 1
        print(failed)
        """);
    Tool read = Tool.run("/usr/bin/python3", script.toString(), uri, expected.toString());
    return Integer.parseInt(read.out().trim());
  }

  @Test
  void damagedChunksGiveEio_neverWrongBytes_andTouchNoOtherVolume() throws Exception {
    Path victim = disk("victim.raw", 1);
    Path other = disk("other.raw", 2);
    bailey.start();
    bailey.importImage("other", other);
    Set<Path> healthy = chunks();
    bailey.importImage("victim", victim);
    String victims = DaemonProcess.uri("v", bailey.fork("v", "victim", "none"));
    String others = DaemonProcess.uri("o", bailey.fork("o", "other", "flush"));
    bailey.stop();

    Set<Path> damaged = new HashSet<>(chunks());
    damaged.removeAll(healthy);
    assertThat(damaged).isNotEmpty();
    Path largest =
        damaged.stream()
            .max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
            .orElseThrow();
    flip(largest, Files.size(largest) / 2);
    flip(largest, Files.size(largest) / 4);

    bailey.start();
    assertThat(readAll(victims, victim)).isBetween(1, 2);
    assertThat(bailey.log()).contains(largest.toString()).containsPattern("offset \\d+");
    assertThat(readAll(others, other)).isZero();
    // The blocks that are hit can be written again, and then read.
    assertThat(qemuIo(victims, "write -P 5 0 8M").exitCode()).isZero();
    assertThat(qemuIo(victims, "read -P 5 0 8M").exitCode()).isZero();
    assertThat(qemuIo(others, "write -P 5 0 64k").exitCode()).isZero();
    assertThat(bailey.process().isAlive()).isTrue();
  }

  @Test
  void everyPartOfAChunkDamagedInTurnGivesEioOrRightBytes() throws Exception {
    Path victim = disk("victim.raw", 3);
    bailey.start();
    bailey.importImage("victim", victim);
    bailey.stop();
    Random random = new Random(4);
    int failed = 0;
    Set<Path> chunks = chunks();
    assertThat(chunks).isNotEmpty();
    for (Path chunk : chunks) {
      long at = random.nextLong(Files.size(chunk));
      flip(chunk, at);
      bailey.start();
      assertThat(bailey.get("/v1/images").status()).isEqualTo(200);
      if (bailey.get("/v1/images/victim").status() == 200) {
        String uri = DaemonProcess.uri("v", bailey.fork("v", "victim", "none"));
        failed += readAll(uri, victim);
        assertThat(bailey.delete("/v1/volumes/v").status()).isEqualTo(204);
      }
      bailey.stop();
      flip(chunk, at);
    }
    assertThat(failed).as("reads that gave EIO").isPositive();
    bailey.start();
    assertThat(readAll(DaemonProcess.uri("v", bailey.fork("v", "victim", "none")), victim))
        .isZero();
  }

  @Test
  void aDamagedImageRootIsSaid_andOtherImagesWork() throws Exception {
    Path good = disk("good.raw", 5);
    bailey.start();
    bailey.importImage("bad", disk("bad.raw", 6));
    bailey.importImage("good", good);
    Path durable = bailey.fork("kept", "bad", "flush");
    bailey.create("mine", 64 * StampedDisk.BLOCK_BYTES, "flush");
    bailey.stop();
    Path root = bailey.store().resolve("images/bad:latest");
    flip(root, Files.size(root) / 2);

    bailey.start();
    assertThat(bailey.log()).contains("left out").contains(root.toString());
    assertThat(bailey.get("/v1/images/bad").body()).contains("left out", root.toString());
    assertThat(readAll(DaemonProcess.uri("g", bailey.fork("g", "good", "none")), good)).isZero();
    // A volume that was forked from it has its own root, and lives on.
    assertThat(readAll(DaemonProcess.uri("kept", durable), bailey.directory.resolve("bad.raw")))
        .isZero();
    assertThat(root).exists();
  }

  @Test
  void whatIsLeftOut_isListedWithTheReason_andCanBeRemoved() throws Exception {
    bailey.start();
    bailey.importImage("bad", disk("bad.raw", 7));
    bailey.create("broken", 64 * StampedDisk.BLOCK_BYTES, "flush");
    bailey.create("mine", 64 * StampedDisk.BLOCK_BYTES, "flush");
    bailey.stop();
    Path volume = bailey.store().resolve("volumes/broken");
    Path image = bailey.store().resolve("images/bad:latest");
    flip(volume, Files.size(volume) / 2);
    flip(image, Files.size(image) / 2);

    bailey.start();
    assertThat(bailey.get("/v1/left-out").body())
        .contains("\"broken\"", volume.toString(), "\"bad:latest\"", image.toString())
        .doesNotContain("mine");
    assertThat(bailey.delete("/v1/volumes/broken").status()).isEqualTo(204);
    assertThat(bailey.delete("/v1/images/bad").status()).isEqualTo(204);
    assertThat(volume).doesNotExist();
    assertThat(image).doesNotExist();
    assertThat(bailey.get("/v1/left-out").body()).isEqualTo("[]");
    assertThat(bailey.delete("/v1/volumes/broken").status()).isEqualTo(404);
    bailey.create("broken", 64 * StampedDisk.BLOCK_BYTES, "flush");
    bailey.stop();
    bailey.start();
    assertThat(bailey.get("/v1/left-out").body()).isEqualTo("[]");
    assertThat(bailey.get("/v1/volumes/broken").status()).isEqualTo(200);
    assertThat(bailey.get("/v1/volumes/mine").status()).isEqualTo(200);
  }
}
