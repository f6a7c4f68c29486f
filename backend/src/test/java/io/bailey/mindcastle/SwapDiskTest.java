package io.bailey.mindcastle;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Disks that Mindcastle wrote, and such as it might have. */
final class SwapDiskTest {
  /** Of the sample, a disk of 32 MiB with ext4. */
  private static final String SHA_256 =
      "9599266d10cdc175a6f31cc15d2badac3030bcff334fd380771b819cb7e07730";

  private static final String ID = "ab".repeat(32);
  private static final String KEY = "0123456789abcdef".repeat(4);
  private static final String TAG = "cd".repeat(16);
  private static final String RIGHT = "uuid=1\nsize=4096\nkey=" + KEY + "\n";

  @TempDir Path directory;

  private static Path sample() {
    try {
      return Path.of(SwapDiskTest.class.getResource("disk.swap").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private Path copyOfSample() throws IOException {
    try (Stream<Path> all = Files.walk(sample().getParent())) {
      for (Path path : all.toList()) {
        Path to = directory.resolve(sample().getParent().relativize(path).toString());
        if (Files.isDirectory(path)) {
          Files.createDirectories(to);
        } else {
          Files.copy(path, to);
        }
      }
    }
    return directory.resolve("disk.swap");
  }

  private static List<Path> chunks(Path swap) throws IOException {
    try (Stream<Path> all = Files.walk(swap.getParent())) {
      return all.filter(path -> path.toString().endsWith(".lvl")).sorted().toList();
    }
  }

  /** The whole disk, as an import reads it: what {@code nextData} passes over is zeros. */
  private static byte[] read(Path swap) throws IOException {
    try (SwapDisk disk = SwapDisk.open(swap)) {
      byte[] all = new byte[(int) disk.size()];
      for (long at = disk.nextData(0); at < all.length; at = disk.nextData(at)) {
        int length = (int) Math.min(1 << 16, all.length - at);
        disk.read(at, all, (int) at, length);
        at += length;
        if (at == all.length) {
          break;
        }
      }
      return all;
    }
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  @Test
  void theSample_isReadByteForByte() throws Exception {
    assertThat(SwapDisk.isOne(sample())).isTrue();
    assertThat(sha256(read(sample()))).isEqualTo(SHA_256);
  }

  @Test
  void anyFlippedByte_isDamage_andNeverAWrongOne() throws Exception {
    Path swap = copyOfSample();
    Random random = new Random(1);
    for (Path chunk : chunks(swap)) {
      byte[] right = Files.readAllBytes(chunk);
      for (int i = 0; i < 40; i++) {
        byte[] harmed = right.clone();
        int at = random.nextInt(harmed.length);
        harmed[at] ^= (byte) (1 << random.nextInt(8));
        Files.write(chunk, harmed);
        String id = String.valueOf(chunk.getFileName());
        assertThatThrownBy(() -> read(swap))
            .as("byte %d of %s", at, chunk)
            .isInstanceOfSatisfying(
                StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED))
            .hasMessageContaining(id)
            .hasMessageContaining("offset ");
      }
      Files.write(chunk, right);
    }
    assertThat(sha256(read(swap))).isEqualTo(SHA_256);
  }

  @Test
  void filesThatAreMissing_cutShort_orChanged_areTold_andLookedForInFallbacks() throws Exception {
    Path swap = copyOfSample();
    List<Path> chunks = chunks(swap);
    for (int i = 0; i < chunks.size(); i++) {
      Path chunk = chunks.get(i);
      byte[] right = Files.readAllBytes(chunk);
      String id = String.valueOf(chunk.getFileName());
      Files.write(chunk, Arrays.copyOf(right, right.length - 1));
      assertThatThrownBy(() -> read(swap))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining(id);
      Files.write(chunk, Files.readAllBytes(chunks.get((i + 1) % chunks.size())));
      assertThatThrownBy(() -> read(swap))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining(id);
      Files.delete(chunk);
      assertThatThrownBy(() -> read(swap))
          .isInstanceOfSatisfying(
              StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID))
          .hasMessageContaining(id)
          .hasMessageContaining(chunk.getParent().toString());
      Files.write(chunk, right);
    }
    Path moved = Files.createDirectories(directory.resolve("elsewhere")).resolve("x");
    Path first = chunks.getFirst();
    Files.move(first, moved.resolveSibling(first.getFileName()));
    String text = Files.readString(swap);
    Files.writeString(swap, text + "fallback=https://example.com/disks/\n");
    assertThatThrownBy(() -> read(swap))
        .hasMessageContaining("fetch it from https://example.com/disks/");
    Files.writeString(swap, text + "fallback=https://example.com/disks/\nfallback=elsewhere\n");
    assertThat(sha256(read(swap))).isEqualTo(SHA_256);
  }

  @ParameterizedTest
  @CsvSource({
    "false, 1090, 2, 0, 800",
    "true, 962, 2, 0, 800",
    "false, 3, 2, 0, 20",
    "true, 2, 5, 0, 300",
    "false, 1, 1259, 0, 800",
    "true, 40, 3, 2000, 800"
  })
  void disksOfAnyShape_areRead(
      boolean wide, int perLeaf, int fanOut, int unusedChunks, int blocksOfOldest)
      throws Exception {
    Random random = new Random(perLeaf);
    int blocks = 1200;
    byte[] model = new byte[blocks * 4096 - 1536];
    SwapWriter writer = new SwapWriter(directory, random);
    for (int level = 0; level < 3; level++) {
      TreeMap<Long, byte[]> written = new TreeMap<>();
      int count = level == 0 ? blocksOfOldest : 30;
      // One beyond the disk's end, which isn't of it.
      written.put((long) blocks + 5, new byte[4096]);
      while (written.size() <= count) {
        byte[] block = new byte[4096];
        random.nextBytes(random.nextBoolean() ? block : new byte[1]);
        Arrays.fill(block, 0, random.nextInt(4096), (byte) level);
        long number = random.nextInt(blocks);
        written.put(number, block);
        int at = (int) number * 4096;
        System.arraycopy(block, 0, model, at, Math.min(4096, model.length - at));
      }
      writer.level(written, new SwapWriter.Shape(wide, perLeaf, fanOut, unusedChunks));
    }
    Path swap = writer.finish(model.length);
    assertThat(read(swap)).isEqualTo(model);
    try (SwapDisk disk = SwapDisk.open(swap)) {
      for (int i = 0; i < 2000; i++) {
        int at = random.nextInt(model.length);
        byte[] part = new byte[random.nextInt(Math.min(9000, model.length - at)) + 1];
        disk.read(at, part, 0, part.length);
        assertThat(part).isEqualTo(Arrays.copyOfRange(model, at, at + part.length));
        long next = disk.nextData(at);
        for (long passed = at; passed < next; passed++) {
          assertThat(model[(int) passed]).isZero();
        }
      }
    }
  }

  @Test
  void blocksFarBehind_areFound() throws Exception {
    long far = (1L << 47) + 3;
    byte[] block = new byte[4096];
    new Random(2).nextBytes(block);
    SwapWriter writer = new SwapWriter(directory, new Random(1));
    TreeMap<Long, byte[]> written = new TreeMap<>();
    written.put(7L, new byte[4096]);
    written.put(far, block);
    writer.level(written, new SwapWriter.Shape(false, 1, 2, 0));
    try (SwapDisk disk = SwapDisk.open(writer.finish((far + 1) << 12))) {
      assertThat(disk.nextData(0)).isEqualTo(7 << 12);
      assertThat(disk.nextData(8 << 12)).isEqualTo(far << 12);
      byte[] read = new byte[4096];
      disk.read(far << 12, read, 0, read.length);
      assertThat(read).isEqualTo(block);
    }
  }

  @Test
  void levelsThatNameMillionsOfChunks_areRefused() throws Exception {
    SwapWriter writer = new SwapWriter(directory, new Random(1));
    TreeMap<Long, byte[]> written = new TreeMap<>();
    written.put(0L, new byte[4096]);
    for (int level = 0; level < 3; level++) {
      writer.level(written, new SwapWriter.Shape(true, 10, 2, 400_000));
    }
    Path swap = writer.finish(1 << 20);
    assertThatThrownBy(() -> read(swap))
        .hasMessageContaining("describes its level in 16000144 bytes");
  }

  @Test
  void valuesOfAnotherLength_areDamage() throws Exception {
    SwapWriter writer = new SwapWriter(directory, new Random(1));
    TreeMap<Long, byte[]> written = new TreeMap<>();
    written.put(0L, new byte[4095]);
    writer.level(written, new SwapWriter.Shape(false, 10, 2, 0));
    Path swap = writer.finish(1 << 20);
    assertThatThrownBy(() -> read(swap)).hasMessageContaining("doesn't expand to a block");
  }

  @Test
  void aDiskThatNothingWasWrittenTo_isZeros() throws Exception {
    Path swap = new SwapWriter(directory, new Random(1)).finish(1 << 20);
    assertThat(read(swap)).containsOnly(0).hasSize(1 << 20);
  }

  @Test
  void unknownNames_andEndsOfLinesOfWindows_areTaken() throws Exception {
    Path swap = directory.resolve("disk.swap");
    Files.writeString(swap, "cache=/x\r\nnew=\r\nno name\r\n" + RIGHT.replace("\n", "\r\n"));
    assertThat(read(swap)).hasSize(4096);
  }

  static List<String[]> texts() {
    List<String[]> wrong = new ArrayList<>();
    wrong.add(new String[] {"", "no key"});
    wrong.add(new String[] {"size=4096\nkey=" + KEY, "no uuid"});
    wrong.add(new String[] {"uuid=1\nkey=" + KEY, "no size in bytes"});
    wrong.add(new String[] {RIGHT.replace("size=4096", "size=-1"), "no size in bytes"});
    wrong.add(new String[] {RIGHT.replace("size=4096", "size=9" + "9".repeat(30)), "no size"});
    wrong.add(new String[] {RIGHT.replace(KEY, KEY.substring(1)), "64 hexadecimal digits"});
    wrong.add(new String[] {RIGHT.replace(KEY, "x" + KEY.substring(1)), "64 hexadecimal digits"});
    wrong.add(new String[] {RIGHT + "key=" + KEY, "says twice"});
    wrong.add(new String[] {RIGHT + "uuid=2", "says twice"});
    wrong.add(new String[] {RIGHT + "swapdata=../x", "isn't one beside it"});
    wrong.add(new String[] {RIGHT + "swapdata=..", "isn't one beside it"});
    wrong.add(new String[] {RIGHT.replace("uuid=1", "uuid=/../../x"), "isn't one beside it"});
    wrong.add(new String[] {RIGHT + "swapdata=a\0b", "can't be"});
    wrong.add(new String[] {RIGHT + "snapshot=" + ID, "a colon and a size"});
    wrong.add(new String[] {RIGHT + "snapshot=../" + ID.substring(3) + ":1", "a colon and a size"});
    wrong.add(new String[] {RIGHT + "snapshot=" + ID + ":0\nsnaphash=" + TAG, "no size in bytes"});
    wrong.add(new String[] {RIGHT + "snapshot=" + ID + ":1", "snaphash isn't 32"});
    wrong.add(new String[] {RIGHT + "fallback=x\n".repeat(17), "more than 16"});
    return wrong;
  }

  @ParameterizedTest
  @MethodSource("texts")
  void aTextThatIsWrong_isRefused_withoutItsKey(String text, String says) {
    Path swap = directory.resolve("disk.swap");
    byte[] bytes = text.getBytes(US_ASCII);
    assertThatThrownBy(() -> SwapFile.parse(swap, bytes))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID))
        .hasMessageContaining(swap.toString())
        .hasMessageContaining(says)
        .hasMessageNotContaining(KEY.substring(1));
    assertThat(bytes).as("wiped").containsOnly(text.isEmpty() ? new byte[0] : new byte[1]);
  }

  @Test
  void whatIsLargerThanAnyText_isARawDisk() throws Exception {
    Path swap = Files.write(directory.resolve("disk.swap"), new byte[(64 << 10) + 512]);
    assertThat(SwapDisk.isOne(swap)).isFalse();
    assertThat(SwapDisk.isOne(Files.createDirectory(directory.resolve("d.swap")))).isFalse();
    assertThat(SwapDisk.isOne(Files.write(directory.resolve("disk.raw"), new byte[1]))).isFalse();
  }
}
