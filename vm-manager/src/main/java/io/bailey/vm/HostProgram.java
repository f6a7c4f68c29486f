package io.bailey.vm;

import io.bailey.io.StorageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A program of the host that we start, and the Debian package to name when it is missing. */
record HostProgram(String name, String debianPackage) {
  static final HostProgram QEMU = new HostProgram("qemu-system-x86_64", "qemu-system-x86");
  static final HostProgram MKFS_EXT4 = new HostProgram("mkfs.ext4", "e2fsprogs");
  static final HostProgram SETSID = new HostProgram("setsid", "util-linux");

  /** Where mkfs and its like lie, which users' search paths often leave out. */
  private static final List<String> ALSO = List.of("/usr/sbin", "/sbin", "/usr/bin", "/bin");

  Path locate() throws StorageException {
    String path = System.getenv("PATH");
    return locate(path == null ? "" : path, ALSO);
  }

  Path locate(String searchPath, List<String> also) throws StorageException {
    return Stream.concat(Stream.of(searchPath.split(":", -1)), also.stream())
        .filter(directory -> !directory.isEmpty())
        .map(directory -> Path.of(directory, name))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(
            () ->
                new StorageException(
                    StorageException.Kind.IO,
                    name + " is not installed: run 'apt-get install " + debianPackage + "'"));
  }
}
