package io.bailey.io;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bailey.nbd.Tool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * A small file system of the kernel's on a loop device, whose power can be cut. Only root can have
 * one. What it takes goes when it is closed, or when the JVM ends.
 */
public final class LoopDisk implements AutoCloseable {
  /** XFS has none smaller than 300 MiB. The file is sparse. */
  private static final String SIZE = "320M";

  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Path top;
  private final Path image;
  private final Path mount;
  private final Thread atExit = new Thread(this::clean);
  private boolean mounted;

  /**
   * Makes and mounts one; the test that asks is skipped where that can't be.
   *
   * @param kind {@code ext4} or {@code xfs}
   */
  public LoopDisk(String kind) throws IOException {
    assumeTrue("root".equals(System.getProperty("user.name")), "only root may mount a file system");
    top = Files.createTempDirectory("bailey-disk");
    image = top.resolve("image");
    mount = Files.createDirectory(top.resolve("mount"));
    Runtime.getRuntime().addShutdownHook(atExit);
    Tool.run("truncate", "--size=" + SIZE, image.toString());
    Tool.run("/sbin/mkfs." + kind, "-q", image.toString());
    Tool tried = mount();
    if (!mounted) {
      close();
      assumeTrue(false, "this host mounts no " + kind + " on a loop device: " + tried.err());
    }
  }

  /** Where it is mounted. */
  public Path directory() {
    return mount;
  }

  /**
   * Cuts the power: nothing that has not gone to the device by now will, also not what the file
   * system's own log has in memory. Every call fails from now on.
   */
  public void cut() throws IOException {
    Tool.run("/usr/sbin/xfs_io", "-x", "-c", "shutdown", mount.toString());
  }

  /** Mounts it again after a cut, as the next start of the machine does. No file may be open. */
  public void powerOn() throws IOException {
    Tool unmounted = Tool.tryRun(LIMIT, List.of("umount", mount.toString()));
    if (unmounted.exitCode() != 0) {
      throw new IllegalStateException(unmounted.err() + "open here: " + OpenFiles.at(mount));
    }
    mounted = false;
    Tool tried = mount();
    if (!mounted) {
      throw new IllegalStateException("can't mount after the cut: " + tried.err());
    }
  }

  private Tool mount() throws IOException {
    Tool tried =
        Tool.tryRun(
            LIMIT, List.of("mount", "-o", "loop,noatime", image.toString(), mount.toString()));
    mounted = tried.exitCode() == 0;
    return tried;
  }

  @Override
  public void close() {
    Runtime.getRuntime().removeShutdownHook(atExit);
    clean();
  }

  private void clean() {
    try {
      if (mounted) {
        // Lazily: a test that failed may have files open.
        Tool.run("umount", "--lazy", mount.toString());
        mounted = false;
      }
      Files.deleteIfExists(mount);
      Files.deleteIfExists(image);
      Files.deleteIfExists(top);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
