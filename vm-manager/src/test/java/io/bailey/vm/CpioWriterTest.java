package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CpioWriterTest {
  @TempDir Path directory;

  @Test
  void cpioUnpacksWhatWasWritten() throws Exception {
    Path archive = directory.resolve("a.cpio");
    byte[] odd = "seven b".getBytes(StandardCharsets.UTF_8);
    try (CpioWriter cpio = new CpioWriter(Files.newOutputStream(archive))) {
      cpio.directory("bin");
      cpio.file("bin/tool", true, odd);
      cpio.file("data", false, new byte[100_001]);
      cpio.file("empty", false, new byte[0]);
      cpio.link("bin/alias", "tool");
    }
    assertThat(Files.size(archive) % 4).isZero();
    assertThat(cpio(archive, "-t"))
        .contains("bin\nbin/tool\ndata\nempty\nbin/alias\n")
        .doesNotContain("TRAILER");

    cpio(archive, "-i");
    assertThat(directory.resolve("bin/tool")).hasBinaryContent(odd).isExecutable();
    assertThat(directory.resolve("data")).hasBinaryContent(new byte[100_001]);
    assertThat(Files.isExecutable(directory.resolve("data"))).isFalse();
    assertThat(directory.resolve("empty")).isEmptyFile();
    assertThat(Files.readSymbolicLink(directory.resolve("bin/alias"))).hasToString("tool");
  }

  private String cpio(Path archive, String mode) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder("cpio", mode)
            .directory(directory.toFile())
            .redirectInput(archive.toFile())
            .redirectErrorStream(true)
            .start();
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(text).isZero();
      return text;
    }
  }
}
