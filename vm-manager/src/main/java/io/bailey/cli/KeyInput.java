package io.bailey.cli;

import io.bailey.crypto.KeyWrap;
import io.bailey.volume.OuterKey;
import java.io.ByteArrayOutputStream;
import java.io.Console;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/** Reads outer keys from where users keep them: never from arguments or the environment. */
final class KeyInput {
  private static final int MAX_PASSPHRASE_BYTES = 1024;
  private static final Set<PosixFilePermission> OWNERS =
      Set.of(
          PosixFilePermission.OWNER_READ,
          PosixFilePermission.OWNER_WRITE,
          PosixFilePermission.OWNER_EXECUTE);

  private KeyInput() {}

  static OuterKey keyFile(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new IOException(
          "there is no key file "
              + path
              + ": one is made with (umask 077; head -c "
              + KeyWrap.KEY_BYTES
              + " /dev/urandom >"
              + path
              + ")");
    }
    failIfOthersCanRead(path);
    byte[] secret;
    try (InputStream in = Files.newInputStream(path)) {
      secret = in.readNBytes(KeyWrap.KEY_BYTES + 1);
    }
    if (secret.length != KeyWrap.KEY_BYTES) {
      throw new IOException(
          "key file " + path + " must have " + KeyWrap.KEY_BYTES + " bytes, no more and no less");
    }
    return new OuterKey.KeyFile(path, KeyWrap.of(secret));
  }

  static OuterKey passphraseFile(Path path) throws IOException {
    if (path.toString().equals("-")) {
      return new OuterKey.Passphrase(firstLine(System.in, "standard input"));
    }
    failIfOthersCanRead(path);
    try (InputStream in = Files.newInputStream(path)) {
      return new OuterKey.Passphrase(firstLine(in, path.toString()));
    }
  }

  /** The terminal that standard input and output are, if they are one. */
  static Optional<Console> terminal() {
    return Optional.ofNullable(System.console()).filter(Console::isTerminal);
  }

  /** Asks at the terminal; twice for a passphrase that is new. */
  static OuterKey typed(boolean isNew) throws IOException {
    Console console =
        terminal()
            .orElseThrow(
                () ->
                    new IOException(
                        "there is no terminal to ask for the passphrase: give --passphrase-file"
                            + " FILE"));
    char[] typed = readPassword(console, isNew ? "New passphrase: " : "Passphrase: ");
    if (isNew) {
      char[] again = readPassword(console, "The same again: ");
      boolean same = Arrays.equals(typed, again);
      Arrays.fill(again, ' ');
      if (!same) {
        throw new IOException("the two passphrases differ: nothing was changed");
      }
    }
    ByteBuffer encoded = ByteBuffer.allocate(3 * typed.length);
    CoderResult _ =
        StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(typed), encoded, true);
    byte[] utf8 = Arrays.copyOf(encoded.array(), encoded.position());
    Arrays.fill(encoded.array(), (byte) 0);
    Arrays.fill(typed, ' ');
    return new OuterKey.Passphrase(checked(utf8, "what was typed"));
  }

  private static char[] readPassword(Console console, String prompt) throws IOException {
    char[] typed = console.readPassword("%s", prompt);
    if (typed == null) {
      throw new IOException("no passphrase was typed");
    }
    return typed;
  }

  /** Reads no further, so that a second line is there for the next who asks. */
  private static byte[] firstLine(InputStream in, String where) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
      line.write(b);
      if (line.size() > MAX_PASSPHRASE_BYTES) {
        break;
      }
    }
    return checked(line.toByteArray(), "the first line of " + where);
  }

  private static byte[] checked(byte[] utf8, String what) throws IOException {
    if (utf8.length == 0 || utf8.length > MAX_PASSPHRASE_BYTES) {
      throw new IOException(
          what + " is no passphrase: it must have 1 to " + MAX_PASSPHRASE_BYTES + " bytes");
    }
    return utf8;
  }

  private static void failIfOthersCanRead(Path path) throws IOException {
    if (Files.isRegularFile(path) && !OWNERS.containsAll(Files.getPosixFilePermissions(path))) {
      throw new IOException(path + " is not its owner's alone: chmod 600 " + path);
    }
  }
}
