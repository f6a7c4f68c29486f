package io.bailey.vm;

import io.bailey.daemon.ExportReport;
import io.bailey.daemon.StorageService;
import io.bailey.io.StorageException;
import io.bailey.volume.Durability;
import io.bailey.volume.Image;
import io.bailey.volume.ImageName;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/** Storage for tests of VMs alone: each volume is a copy of a raw file that qemu-nbd serves. */
final class QemuNbdStorage implements StorageService, AutoCloseable {
  private record Served(Export export, ProcessHandle server, Path file) {}

  private final Path directory;
  private final Map<ImageName, Path> images = new ConcurrentSkipListMap<>();
  private final Map<String, Served> volumes = new ConcurrentSkipListMap<>();

  QemuNbdStorage(Path directory) {
    this.directory = directory;
  }

  void addImage(String name, Path disk) throws IOException {
    images.put(ImageName.parse(name), disk);
  }

  @Override
  public List<Image> images() {
    return images.keySet().stream().flatMap(name -> image(name).stream()).toList();
  }

  @Override
  public Optional<Image> image(ImageName name) {
    return Optional.ofNullable(images.get(name))
        .map(f -> new Image(name, f.toFile().length(), 0, "0".repeat(64), Instant.EPOCH));
  }

  @Override
  public Export createVolume(String name, VolumeSpec spec) throws IOException {
    Path disk = directory.resolve(name + ".raw");
    Files.copy(images.get(spec.from().orElseThrow()), disk);
    Path socket = directory.resolve(name + ".nbd");
    Process server =
        new ProcessBuilder(
                "qemu-nbd",
                "-t",
                "-f",
                "raw",
                "-k",
                socket.toString(),
                "-x",
                name,
                "--cache=writeback",
                "--discard=unmap",
                "--pid-file",
                directory.resolve(name + ".pid").toString(),
                disk.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve(name + ".log").toFile())
            .start();
    while (!Files.exists(socket)) {
      if (!server.isAlive()) {
        throw new IOException("qemu-nbd ended; is package qemu-utils installed?");
      }
      Thread.onSpinWait();
    }
    Export export = export(name, spec.from(), disk);
    volumes.put(name, new Served(export, server.toHandle(), disk));
    return export;
  }

  private Export export(String name, Optional<ImageName> from, Path disk) throws IOException {
    return new Export(
        name,
        from,
        Files.size(disk),
        Durability.NONE,
        directory.resolve(name + ".nbd"),
        0,
        Instant.EPOCH);
  }

  @Override
  public void removeVolume(String name) throws IOException {
    Served served = volumes.remove(name);
    if (served == null) {
      throw new StorageException(StorageException.Kind.NOT_FOUND, "no volume " + name);
    }
    served.server().destroyForcibly();
    Files.delete(served.file());
    Files.deleteIfExists(served.export().socket());
    Files.deleteIfExists(directory.resolve(name + ".pid"));
  }

  /** Takes up the volumes that a storage in another process left when it was killed. */
  void takeOver(ImageName from) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.pid")) {
      for (Path file : files) {
        String name = file.getFileName().toString().replace(".pid", "");
        ProcessHandle server =
            ProcessHandle.of(Long.parseLong(Files.readString(file).strip())).orElseThrow();
        Path disk = directory.resolve(name + ".raw");
        volumes.put(name, new Served(export(name, Optional.of(from), disk), server, disk));
      }
    }
  }

  @Override
  public Optional<Export> volume(String name) {
    return Optional.ofNullable(volumes.get(name)).map(Served::export);
  }

  @Override
  public List<Export> volumes() {
    return volumes.values().stream().map(Served::export).toList();
  }

  @Override
  public ExportReport stats(String volume) throws IOException {
    throw new StorageException(StorageException.Kind.NOT_FOUND, "no statistics here");
  }

  @Override
  public void close() throws IOException {
    for (String name : List.copyOf(volumes.keySet())) {
      removeVolume(name);
    }
  }
}
