package io.bailey.mindcastle;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/**
 * What the text file of a disk says.
 *
 * @param size bytes of the disk
 * @param newest the newest level's tree; none if nothing was written
 * @param directories where chunks may lie, in the order in which they are looked for
 * @param remotes other places that may have chunks, which nobody reads from
 */
record SwapFile(
    Path path,
    long size,
    SecretKey key,
    Optional<TreeRef> newest,
    List<Path> directories,
    List<String> remotes) {
  static final int MAX_BYTES = 64 << 10;

  private static final int KEY_BYTES = 32;
  private static final int ID_DIGITS = 64;
  private static final int MAX_FALLBACKS = 16;

  /** What leads to a tree: the id of its file, that one's size, and the tag of its first node. */
  record TreeRef(String id, long bytes, byte[] tag) {}

  /**
   * Reads the text, and wipes it.
   *
   * @throws StorageException kind {@code INVALID} with what is wrong with it
   */
  static SwapFile parse(Path path, byte[] text) throws StorageException {
    try {
      return new Parser(path).parse(text);
    } finally {
      Arrays.fill(text, (byte) 0);
    }
  }

  private static final class Parser {
    private final Path path;
    private final Set<String> seen = new HashSet<>();
    private final List<String> fallbacks = new ArrayList<>();
    private String uuid = "";
    private String swapdata = "";
    private String snapshot = "";
    private String snaphash = "";
    private String size = "";
    private byte[] key = {};

    Parser(Path path) {
      this.path = path;
    }

    SwapFile parse(byte[] text) throws StorageException {
      for (int at = 0; at < text.length; ) {
        int end = at;
        while (end < text.length && text[end] != '\n') {
          end++;
        }
        line(text, at, end > at && text[end - 1] == '\r' ? end - 1 : end);
        at = end + 1;
      }
      if (key.length == 0) {
        throw wrong("it has no key");
      }
      try {
        List<String> remotes = fallbacks.stream().filter(Parser::isUrl).toList();
        return new SwapFile(
            path, bytes(size), new SecretKeySpec(key, "AES"), newest(), directories(), remotes);
      } finally {
        Arrays.fill(key, (byte) 0);
      }
    }

    private void line(byte[] text, int from, int to) throws StorageException {
      int equals = from;
      while (equals < to && text[equals] != '=') {
        equals++;
      }
      if (equals == to) {
        return;
      }
      String name = new String(text, from, equals - from, UTF_8);
      if (name.equals("key")) {
        once(name);
        key = key(text, equals + 1, to);
        return;
      }
      String value = new String(text, equals + 1, to - equals - 1, UTF_8);
      switch (name) {
        case "uuid" -> uuid = once(name, value);
        case "swapdata" -> swapdata = once(name, value);
        case "snapshot" -> snapshot = once(name, value);
        case "snaphash" -> snaphash = once(name, value);
        case "size" -> size = once(name, value);
        case "fallback" -> {
          fallbacks.add(value);
          if (fallbacks.size() > MAX_FALLBACKS) {
            throw wrong("it has more than " + MAX_FALLBACKS + " fallbacks");
          }
        }
        default -> {
          // Names of newer versions, and what a reader needn't know.
        }
      }
    }

    private String once(String name, String value) throws StorageException {
      once(name);
      return value;
    }

    private void once(String name) throws StorageException {
      if (!seen.add(name)) {
        throw wrong("it says twice what " + name + " is");
      }
    }

    /** Never as a string, which nobody can wipe. */
    private byte[] key(byte[] text, int from, int to) throws StorageException {
      byte[] bytes = new byte[KEY_BYTES];
      boolean right = to - from == 2 * KEY_BYTES;
      for (int i = 0; right && i < 2 * KEY_BYTES; i++) {
        int digit = Character.digit(text[from + i], 16);
        right = digit >= 0;
        bytes[i / 2] = (byte) (bytes[i / 2] << 4 | digit);
      }
      if (!right) {
        throw wrong("its key isn't " + 2 * KEY_BYTES + " hexadecimal digits");
      }
      return bytes;
    }

    private Optional<TreeRef> newest() throws StorageException {
      if (snapshot.isEmpty()) {
        return Optional.empty();
      }
      int colon = snapshot.indexOf(':');
      if (colon != ID_DIGITS || !isHex(snapshot.substring(0, colon))) {
        throw wrong("its snapshot isn't " + ID_DIGITS + " hexadecimal digits, a colon and a size");
      }
      if (snaphash.length() != 2 * Sealed.TAG_BYTES || !isHex(snaphash)) {
        throw wrong("its snaphash isn't " + 2 * Sealed.TAG_BYTES + " hexadecimal digits");
      }
      return Optional.of(
          new TreeRef(
              snapshot.substring(0, colon),
              bytes(snapshot.substring(colon + 1)),
              HexFormat.of().parseHex(snaphash)));
    }

    private List<Path> directories() throws StorageException {
      String name = swapdata.isEmpty() ? "swapdata-" + uuid : swapdata;
      if (swapdata.isEmpty() && uuid.isEmpty()) {
        throw wrong("it has no uuid");
      }
      if (name.contains("/") || name.equals(".") || name.equals("..")) {
        throw wrong("the directory of its chunks, " + name + ", isn't one beside it");
      }
      List<Path> directories = new ArrayList<>();
      directories.add(path.resolveSibling(relative(name)));
      for (String fallback : fallbacks) {
        if (!isUrl(fallback)) {
          directories.add(path.resolveSibling(relative(fallback)));
        }
      }
      return directories;
    }

    private Path relative(String name) throws StorageException {
      try {
        return Path.of(name);
      } catch (InvalidPathException e) {
        throw wrong("it names a directory that can't be: " + e.getReason());
      }
    }

    private long bytes(String text) throws StorageException {
      try {
        long bytes = Long.parseLong(text);
        if (bytes > 0) {
          return bytes;
        }
      } catch (NumberFormatException e) {
        // It is told below.
      }
      throw wrong("'" + text + "' is no size in bytes");
    }

    private static boolean isUrl(String place) {
      return place.startsWith("http://") || place.startsWith("https://");
    }

    private static boolean isHex(String text) {
      return text.chars().allMatch(c -> "0123456789abcdef".indexOf(c) >= 0);
    }

    private StorageException wrong(String what) {
      return new StorageException(
          Kind.INVALID, path + " is not the text of a Mindcastle disk: " + what);
    }
  }
}
