package io.bailey.crypto;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The JIT compiler replaces AES and GHASH by code of its own; it must not change an answer. {@code
 * -Dbailey.seed} chooses what is sealed.
 */
@Tag("slow")
final class InterpreterTest {
  private static final int COUNT = 100_000;

  /** Prints a hash of all that sealing and opening gave. Argument: a seed. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) throws Exception {
      Random random = new Random(Long.parseLong(arguments[0]));
      byte[] secret = new byte[DataKey.SECRET_BYTES];
      random.nextBytes(secret);
      DataKey key = new DataKey(new DataKey.Id(new byte[DataKey.ID_BYTES]), secret);
      Epoch epoch = Epoch.of(key, new byte[Epoch.SALT_BYTES]);
      Aead aead = new Aead();
      MessageDigest hash = MessageDigest.getInstance("SHA-256");
      byte[] plain = new byte[4096];
      byte[] opened = new byte[4096];
      byte[] sealed = new byte[4096 + Aead.TAG_BYTES];
      byte[] outside = new byte[20];
      random.nextBytes(plain);
      random.nextBytes(outside);
      for (int i = 0; i < COUNT; i++) {
        // Mostly short: the interpreter takes milliseconds for a block.
        int length = i % 1000 == 0 ? 4096 : random.nextInt(48);
        plain[random.nextInt(48)] ^= (byte) random.nextInt();
        outside[random.nextInt(20)] ^= (byte) random.nextInt();
        long counter = epoch.nextCounter();
        aead.sealWith(epoch, counter, outside, plain, 0, length, sealed, 0);
        hash.update(sealed, 0, length + Aead.TAG_BYTES);
        boolean good = aead.openWith(epoch, counter, outside, sealed, 0, length, opened, 0);
        sealed[random.nextInt(length + Aead.TAG_BYTES)] ^= 1;
        boolean bad = aead.openWith(epoch, counter, outside, sealed, 0, length, new byte[4096], 0);
        if (!good || bad || !Arrays.equals(plain, 0, length, opened, 0, length)) {
          System.out.println("seal " + i + " opens wrongly");
          return;
        }
        hash.update(opened, 0, length);
      }
      System.out.println(HexFormat.of().formatHex(hash.digest()));
    }
  }

  private static Process start(long seed, String... options) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add(Child.class.getName());
    command.add(Long.toString(seed));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private static String output(Process process) throws Exception {
    try {
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void interpretedAndCompiledCode_giveTheSameBytes() throws Exception {
    long seed = Long.getLong("bailey.seed", System.nanoTime());
    Process interpreted = start(seed, "-Xint");
    Process compiled = start(seed, "-XX:-TieredCompilation");
    String first = output(compiled);
    assertThat(first).as("-Dbailey.seed=%d", seed).matches("[0-9a-f]{64}");
    assertThat(output(interpreted)).as("-Dbailey.seed=%d", seed).isEqualTo(first);
  }
}
