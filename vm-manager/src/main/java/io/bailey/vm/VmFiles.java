package io.bailey.vm;

import io.bailey.io.LocalFiles;
import io.bailey.io.StorageException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Optional;

/** A VM's own directory in the run directory: sockets, logs and the record of its process. */
record VmFiles(Path directory) {
  static final String PID_FILE = "qemu.pid";

  /** {@code sun_path} of Linux holds 108 bytes with its NUL. */
  private static final int MAX_SOCKET_PATH_BYTES = 107;

  /** What is known of a VM across restarts of the daemon; the process is missing until it runs. */
  record Saved(
      VmSpec spec,
      Instant started,
      Optional<ProcessIdentity> process,
      Optional<Double> bootSeconds) {}

  Path config() {
    return directory.resolve("machine.cfg");
  }

  Path qmpSocket() {
    return directory.resolve("qmp.sock");
  }

  Path consoleSocket() {
    return directory.resolve("con.sock");
  }

  Path consoleLog() {
    return directory.resolve("console.log");
  }

  /** What QEMU itself has to say. */
  Path qemuLog() {
    return directory.resolve("qemu.log");
  }

  Path pidFile() {
    return directory.resolve(PID_FILE);
  }

  private Path record() {
    return directory.resolve("vm.json");
  }

  void checkSocketPaths() throws StorageException {
    int bytes = qmpSocket().toString().getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
    if (bytes > MAX_SOCKET_PATH_BYTES) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "the socket path "
              + qmpSocket()
              + " is "
              + bytes
              + " bytes and the system takes "
              + MAX_SOCKET_PATH_BYTES
              + ": use a shorter --run-dir or VM name");
    }
  }

  void create() throws IOException {
    GuestImage.deleteTree(directory);
    Files.createDirectory(
        directory,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  void save(Saved saved) throws IOException {
    JsonObject json = saved.spec().toJson().put("started", saved.started().toString());
    saved
        .process()
        .ifPresent(
            p ->
                json.put("pid", p.pid())
                    .put("startTicks", p.startTicks())
                    .put("bootId", p.bootId()));
    saved.bootSeconds().ifPresent(seconds -> json.put("bootSeconds", seconds));
    Path part = directory.resolve("vm.json.part");
    write(part, json.encode());
    Files.move(part, record(), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Writes a file that QEMU is started with. */
  void saveConfig(String config) throws IOException {
    write(config(), config);
  }

  private static void write(Path file, String text) throws IOException {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw LocalFiles.failure("write", file, e);
    }
  }

  /** Says that a VM's record isn't one, or that there is none: nobody can use it. */
  static final class BadRecordException extends IOException {
    private static final long serialVersionUID = 1L;

    BadRecordException(Path record, Exception cause) {
      super(record + " is not a VM's record: " + cause.getMessage(), cause);
    }
  }

  Saved load() throws IOException {
    try {
      JsonObject json = new JsonObject(Files.readString(record()));
      Optional<ProcessIdentity> process =
          json.containsKey("pid")
              ? Optional.of(
                  new ProcessIdentity(
                      json.getLong("pid"), json.getLong("startTicks"), json.getString("bootId")))
              : Optional.empty();
      return new Saved(
          VmSpec.fromJson(json),
          Instant.parse(json.getString("started")),
          process,
          Optional.ofNullable(json.getDouble("bootSeconds")));
    } catch (NoSuchFileException | CharacterCodingException | RuntimeException e) {
      throw new BadRecordException(record(), e);
    } catch (IOException e) {
      throw new IOException("can't read " + record() + ": " + e.getMessage(), e);
    }
  }
}
