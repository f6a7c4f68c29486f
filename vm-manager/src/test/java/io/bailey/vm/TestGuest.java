package io.bailey.vm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The guest that tests boot: fetched by the script that users have, built once a run. */
final class TestGuest {
  private static @Nullable Path golden;

  private TestGuest() {}

  static QemuConfigs configs() throws IOException {
    return QemuConfigs.locate();
  }

  static synchronized GuestKernel kernel() throws IOException {
    Path directory = GuestKernel.defaultDirectory();
    Path script = configs().directory().resolveSibling("scripts").resolve("guest-kernel");
    Process process =
        new ProcessBuilder(script.toString(), directory.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IOException(script + " failed");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    return GuestKernel.locate(directory);
  }

  static synchronized Path goldenDisk() throws IOException {
    if (golden == null) {
      Path disk = Files.createTempFile("bailey-golden", ".img");
      disk.toFile().deleteOnExit();
      new GuestImage(kernel(), configs()).build(disk, GuestImage.DEFAULT_SIZE_BYTES);
      golden = disk;
    }
    return golden;
  }

  /** The golden disk with another init, in a directory where the files for that go too. */
  static Path diskWithInit(Path directory, String init) throws Exception {
    Path disk = Files.copy(goldenDisk(), directory.resolve("writer.img"));
    Path script = Files.writeString(directory.resolve("init"), init);
    Path commands =
        Files.writeString(
            directory.resolve("commands"),
            "rm /sbin/init\nwrite " + script + " /sbin/init\nsif /sbin/init mode 0100755\n");
    TestDaemon.run(
        List.of(
            new HostProgram("debugfs", "e2fsprogs").locate().toString(),
            "-w",
            "-f",
            commands.toString(),
            disk.toString()));
    return disk;
  }
}
