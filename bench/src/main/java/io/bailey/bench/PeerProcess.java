package io.bailey.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another program's disk, served by its own NBD server. */
final class PeerProcess implements Provider {
  private final ChildProcess child;
  private final Path socket;

  /** The formats to compare with. */
  enum Format {
    RAW("qemu-nbd"),
    QCOW2("qemu-nbd"),
    QCOW2_BACKED("qemu-nbd"),
    VPC("qemu-nbd"),
    MEMORY("nbdkit"),

    /** Stores nothing: what NBD itself costs in QEMU. */
    NULL("qemu-storage-daemon");

    private final String program;

    Format(String program) {
      this.program = program;
    }

    String program() {
      return program;
    }
  }

  private PeerProcess(ChildProcess child, Path socket) {
    this.child = child;
    this.socket = socket;
  }

  /** Whether a program is on the path. */
  static boolean isInstalled(String program) {
    for (String directory : System.getenv().getOrDefault("PATH", "").split(":", -1)) {
      if (!directory.isEmpty() && Files.isExecutable(Path.of(directory, program))) {
        return true;
      }
    }
    return false;
  }

  /** Makes an empty disk and serves it. */
  static PeerProcess start(Format format, Workplace place, long size) throws IOException {
    Path run = place.run();
    Path data = place.data();
    Path socket = run.resolve("s");
    List<String> command =
        switch (format) {
          case MEMORY ->
              List.of("nbdkit", "--foreground", "--unix", socket.toString(), "memory", "" + size);
          case NULL -> nullExport(socket, size);
          case RAW -> qemuNbd(socket, "raw", image(run, data, "raw", size));
          case QCOW2 -> qemuNbd(socket, "qcow2", image(run, data, "qcow2", size));
          case VPC -> qemuNbd(socket, "vpc", image(run, data, "vpc", size));
          case QCOW2_BACKED -> qemuNbd(socket, "qcow2", backed(run, data, size));
        };
    ChildProcess child = ChildProcess.start(run, command);
    try {
      child.awaitSocket(socket);
    } catch (IOException e) {
      child.close();
      throw e;
    }
    return new PeerProcess(child, socket);
  }

  private static List<String> qemuNbd(Path socket, String format, Path image) {
    return List.of(
        "qemu-nbd",
        "--persistent",
        "--format=" + format,
        "--socket=" + socket,
        "--discard=unmap",
        image.toString());
  }

  /** Without {@code read-zeroes}, with which QEMU answers a read by a hole and no data. */
  private static List<String> nullExport(Path socket, long size) {
    return List.of(
        "qemu-storage-daemon",
        "--blockdev",
        "driver=null-co,node-name=disk,size=" + size,
        "--nbd-server",
        "addr.type=unix,addr.path=" + socket,
        "--export",
        "type=nbd,id=export,node-name=disk,name=,writable=on");
  }

  private static Path image(Path run, Path data, String format, long size) throws IOException {
    Path image = data.resolve("disk." + format);
    // Else the size is rounded to what cylinders, heads and sectors can say.
    List<String> options = format.equals("vpc") ? List.of("-o", "force_size=on") : List.of();
    create(run, format, options, image.toString(), Long.toString(size));
    return image;
  }

  /**
   * Makes an image with {@code qemu-img create}.
   *
   * @param words the image's path, and its size unless that follows from the options
   */
  static void create(Path run, String format, List<String> options, String... words)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", format));
    command.addAll(options);
    command.addAll(List.of(words));
    ChildProcess.output(run, command);
  }

  private static Path backed(Path run, Path data, long size) throws IOException {
    Path base = image(run, data, "qcow2", size);
    Path overlay = data.resolve("overlay.qcow2");
    List<String> options = List.of("-b", base.toString(), "-F", "qcow2");
    create(run, "qcow2", options, overlay.toString());
    return overlay;
  }

  Path socket() {
    return socket;
  }

  @Override
  public void settle() {}

  @Override
  public Usage usage() throws IOException {
    return Usage.ofProcess(child.process().toHandle());
  }

  @Override
  public void close() throws IOException {
    child.close();
  }
}
