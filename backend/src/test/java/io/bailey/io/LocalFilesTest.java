package io.bailey.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LocalFilesTest {
  private final LocalFiles files = new LocalFiles();

  @TempDir Path directory;

  @Test
  void everyFailure_namesTheFileAndItsKind() throws Exception {
    Path missing = directory.resolve("missing");
    Path present = directory.resolve("present");
    Path taken = directory.resolve("taken");
    Files.createDirectory(taken);
    Files.createFile(taken.resolve("inside"));
    files.create(present).close();

    fails(Kind.NOT_FOUND, missing, () -> files.open(missing));
    fails(Kind.EXISTS, present, () -> files.create(present));
    fails(Kind.NOT_FOUND, missing, () -> files.syncDirectory(missing));
    fails(Kind.IO, taken, () -> files.delete(taken));
    fails(Kind.IO, taken, () -> files.rename(present, taken));
    fails(Kind.EXISTS, present, () -> files.createDirectories(present));
    fails(Kind.IO, present, () -> files.list(present));
  }

  @Test
  void aReadBeyondTheEnd_isDamageOfThatFile() throws Exception {
    Path path = directory.resolve("short");
    try (HostFile file = files.create(path)) {
      file.write(0, new byte[100], 0, 100);
      fails(Kind.DAMAGED, path, () -> file.read(50, new byte[51], 0, 51));
      fails(Kind.DAMAGED, path, () -> file.read(200, new byte[1], 0, 1));
    }
  }

  @Test
  void whatIsWritten_isRead_atAnyOffset() throws Exception {
    try (HostFile file = files.create(directory.resolve("file"))) {
      byte[] bytes = "0123456789".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      file.write(5000, bytes, 2, 8);
      byte[] read = new byte[12];
      file.read(4999, read, 1, 9);
      assertThat(read).containsExactly(0, 0, '2', '3', '4', '5', '6', '7', '8', '9', 0, 0);
      assertThat(file.size()).isEqualTo(5008);
    }
  }

  @Test
  void whatTheHostHasInMemory_isReadWithoutWaiting_underTheNewNameToo() throws Exception {
    Path renamed = directory.resolve("renamed");
    HostFile file = files.create(directory.resolve("file"));
    byte[] bytes = new byte[10_000];
    new java.util.Random(1).nextBytes(bytes);
    file.write(0, bytes, 0, bytes.length);
    files.rename(directory.resolve("file"), renamed);
    file.renamed(renamed);
    byte[] read = new byte[4000];
    assertThat(file.tryRead(3000, read, 1, 3999)).isTrue();
    assertThat(read).endsWith(java.util.Arrays.copyOfRange(bytes, 3000, 6999));
    assertThat(file.tryRead(9000, read, 0, 1001)).isFalse();
    file.close();
    assertThat(file.tryRead(0, read, 0, 1)).isFalse();
  }

  @Test
  void allocatedBytes_areZeros() throws Exception {
    try (HostFile file = files.create(directory.resolve("file"))) {
      file.allocate(100_000);
      assertThat(file.size()).isEqualTo(100_000);
      byte[] read = new byte[100_000];
      file.read(0, read, 0, read.length);
      assertThat(read).containsOnly(0);
    }
  }

  @Test
  void aFullDisk_isNoSpace() {
    IOException full = new IOException("No space left on device");
    assertThat(LocalFiles.failure("write", Path.of("f"), full).kind()).isEqualTo(Kind.NO_SPACE);
    IOException quota = new IOException("Disk quota exceeded");
    assertThat(LocalFiles.failure("write", Path.of("f"), quota).kind()).isEqualTo(Kind.NO_SPACE);
  }

  @Test
  void filesAndDirectories_areForTheirOwnerAlone() throws Exception {
    files.createDirectories(directory.resolve("a/b"));
    files.create(directory.resolve("a/b/c")).close();
    assertThat(mode("a")).isEqualTo("rwx------");
    assertThat(mode("a/b")).isEqualTo("rwx------");
    assertThat(mode("a/b/c")).isEqualTo("rw-------");
    files.delete(directory.resolve("a/b/c"));
    files.delete(directory.resolve("a/b/c"));
    assertThat(files.list(directory.resolve("a/b"))).isEmpty();
    assertThat(files.list(directory.resolve("none"))).isEmpty();
  }

  private String mode(String name) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(name)));
  }

  private static void fails(Kind kind, Path path, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(StorageException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(path.toString())
        .hasMessageNotContaining("\n");
  }
}
