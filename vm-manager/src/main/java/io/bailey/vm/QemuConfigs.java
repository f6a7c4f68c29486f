package io.bailey.vm;

import io.bailey.io.StorageException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The directory {@code qemu-configs}: machine files and what the guest's first programs are. */
public record QemuConfigs(Path directory) {
  private static final String NAME = "qemu-configs";

  /**
   * The directory named by system property {@code bailey.configs}, else the one beside the
   * distribution or source tree that this class was loaded from.
   */
  public static QemuConfigs locate() throws StorageException {
    String given = System.getProperty("bailey.configs");
    if (given != null) {
      return new QemuConfigs(Path.of(given).toAbsolutePath());
    }
    for (Path at = ownLocation(); at != null; at = at.getParent()) {
      if (Files.isRegularFile(at.resolve(NAME).resolve("microvm.cfg"))) {
        return new QemuConfigs(at.resolve(NAME));
      }
    }
    throw new StorageException(
        StorageException.Kind.IO,
        "no directory " + NAME + " beside the program: name it with -Dbailey.configs=DIR");
  }

  private static @Nullable Path ownLocation() throws StorageException {
    CodeSource source = QemuConfigs.class.getProtectionDomain().getCodeSource();
    try {
      return source == null ? null : Path.of(source.getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new StorageException(
          StorageException.Kind.IO, "can't tell where the program lies: " + e.getMessage(), e);
    }
  }

  Path guestFile(String name) {
    return directory.resolve("guest").resolve(name);
  }

  /** Names of the machines there are files for. */
  List<String> machines() throws IOException {
    TreeSet<String> names = new TreeSet<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.cfg")) {
      for (Path file : files) {
        names.add(file.getFileName().toString().replaceFirst("\\.cfg$", ""));
      }
    }
    return List.copyOf(names);
  }

  /** Reads a machine's files; kind {@code INVALID} if there are none of that name. */
  MachineProfile machine(String name) throws IOException {
    if (!machines().contains(name)) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "no machine '" + name + "': there are " + String.join(", ", machines()));
    }
    return new MachineProfile(
        name,
        Files.readString(directory.resolve(name + ".cfg")),
        Files.readString(directory.resolve(name + ".profile")),
        Files.readString(directory.resolve(name + ".cmdline")).strip());
  }
}
