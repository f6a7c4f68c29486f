package io.bailey.vm;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;

/**
 * Writes a cpio archive in the "newc" form, which is what the Linux kernel unpacks as its first
 * root file system. Owners are root, times are zero, so equal input gives equal bytes.
 *
 * <pre>
 * "070701" | 13 fields of 8 hex digits | name NUL | pad to 4 | content | pad to 4
 * fields: inode mode links uid gid mtime size devmajor devminor rdevmajor rdevminor namesize check
 * </pre>
 */
final class CpioWriter implements AutoCloseable {
  private static final int DIRECTORY = 0040000;
  private static final int REGULAR = 0100000;
  private static final int SYMLINK = 0120000;

  private final OutputStream out;
  private int inode;

  CpioWriter(OutputStream out) {
    this.out = out;
  }

  /** Parents must be added before what lies in them. */
  void directory(String path) throws IOException {
    entry(path, DIRECTORY | 0755, new byte[0]);
  }

  void file(String path, boolean executable, byte[] content) throws IOException {
    entry(path, REGULAR | (executable ? 0755 : 0644), content);
  }

  void link(String path, String target) throws IOException {
    entry(path, SYMLINK | 0777, target.getBytes(UTF_8));
  }

  private void entry(String path, int mode, byte[] content) throws IOException {
    byte[] name = path.getBytes(UTF_8);
    int[] fields = {
      ++inode, mode, 1, 0, 0, 0, content.length, 0, 0, 0, 0, name.length + 1, 0,
    };
    StringBuilder header = new StringBuilder("070701");
    for (int field : fields) {
      header.append(String.format("%08x", field));
    }
    out.write(header.toString().getBytes(US_ASCII));
    out.write(name);
    out.write(0);
    pad(header.length() + name.length + 1);
    out.write(content);
    pad(content.length);
  }

  private void pad(int length) throws IOException {
    out.write(new byte[-length & 3]);
  }

  /** Ends the archive and closes the stream. */
  @Override
  public void close() throws IOException {
    entry("TRAILER!!!", 0, new byte[0]);
    out.close();
  }
}
