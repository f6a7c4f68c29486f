package io.bailey.daemon;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.bailey.io.StorageException;
import io.bailey.nbd.Tool;
import io.bailey.volume.OuterKey;
import io.bailey.volume.StoreSecrets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a daemon as a process of its own lets out of its keys, and of its store to another one. */
@Tag("slow")
@Timeout(180)
class SecretsTest {
  private final DaemonProcess bailey;

  SecretsTest() throws IOException {
    bailey = new DaemonProcess();
  }

  @AfterEach
  void end() throws Exception {
    bailey.close();
  }

  /** The outer key and the data keys of a durable and an ephemeral volume that did some work. */
  private List<byte[]> secretsAtWork() throws Exception {
    bailey.start();
    for (String durability : List.of("flush", "none")) {
      String name = "v-" + durability;
      String uri = DaemonProcess.uri(name, bailey.create(name, 1 << 20, durability));
      Tool.run("qemu-io", "-f", "raw", "-c", "write -P 7 0 512k", "-c", "flush", uri);
      assertThat(bailey.get("/v1/volumes/" + name).status()).isEqualTo(200);
    }
    StoreSecrets secrets = new StoreSecrets(bailey.store());
    List<byte[]> found = new ArrayList<>();
    found.add(Files.readAllBytes(bailey.store().resolve("key")));
    found.add(secrets.keysOf(bailey.store().resolve("volumes/v-flush")).getFirst());
    found.add(secrets.keysOf(bailey.memory().resolve("volumes/v-none")).getFirst());
    return found;
  }

  @Test
  void noLog_argument_environment_orReadableFile_hasAKey() throws Exception {
    List<byte[]> secrets = secretsAtWork();
    bailey.stop();
    bailey.start();
    List<Path> seenByOthers =
        new ArrayList<>(
            List.of(
                bailey.directory.resolve("log"),
                Path.of("/proc", Long.toString(bailey.process().pid()), "cmdline"),
                Path.of("/proc", Long.toString(bailey.process().pid()), "environ")));
    List<Path> trees = List.of(bailey.store(), bailey.directory.resolve("run"), bailey.memory());
    for (Path tree : trees) {
      try (Stream<Path> files = Files.walk(tree)) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          Set<PosixFilePermission> rights = Files.getPosixFilePermissions(file);
          if (rights.contains(PosixFilePermission.GROUP_READ)
              || rights.contains(PosixFilePermission.OTHERS_READ)) {
            seenByOthers.add(file);
          }
        }
      }
    }
    for (Path file : seenByOthers) {
      for (byte[] secret : secrets) {
        for (byte[] form : forms(secret)) {
          assertThat(StoreSecrets.holds(file, form)).as("%s", file).isFalse();
        }
      }
    }
    assertThat(StoreSecrets.holds(bailey.store().resolve("key"), secrets.getFirst()))
        .as("the search finds one")
        .isTrue();
    assertThat(seenByOthers.stream().map(file -> String.valueOf(file.getFileName())))
        .containsOnly("log", "cmdline", "environ", "lock", "bailey.pid");
  }

  private static List<byte[]> forms(byte[] secret) {
    String hex = HexFormat.of().formatHex(secret);
    return List.of(
        secret,
        hex.getBytes(US_ASCII),
        hex.toUpperCase(Locale.ROOT).getBytes(US_ASCII),
        Base64.getEncoder().withoutPadding().encode(secret));
  }

  @Test
  void aCoreFile_hasNoKey_andWouldHaveOneOtherwise() throws Exception {
    for (boolean leftOut : new boolean[] {true, false}) {
      List<byte[]> secrets = secretsAtWork();
      String pid = Long.toString(bailey.process().pid());
      Path filter = Path.of("/proc", pid, "coredump_filter");
      assertThat(Files.readString(filter).strip()).isEqualTo("00000000");
      if (!leftOut) {
        Files.writeString(filter, "0x33");
      }
      Tool.run("prlimit", "--core=unlimited", "--pid", pid);
      bailey.signal("ABRT");
      bailey.process().waitFor();
      String pattern = Files.readString(Path.of("/proc/sys/kernel/core_pattern")).strip();
      assumeFalse(
          pattern.startsWith("|") || pattern.contains("/"), "somebody else takes core files here");
      Path core;
      try (Stream<Path> files = Files.list(bailey.directory)) {
        core = files.filter(f -> f.getFileName().toString().startsWith("core")).findFirst().get();
      }
      boolean found = false;
      for (byte[] secret : secrets) {
        found |= holds(core, secret);
      }
      assertThat(found).as("a key in a core of %d bytes", Files.size(core)).isEqualTo(!leftOut);
      Files.delete(core);
      for (String volume : List.of("v-flush", "v-none")) {
        bailey.start();
        assertThat(bailey.delete("/v1/volumes/" + volume).status()).isEqualTo(204);
        bailey.stop();
      }
    }
  }

  /** Piece by piece: a core file is large. */
  private static boolean holds(Path file, byte[] bytes) throws IOException {
    return Tool.tryRun(
                Duration.ofSeconds(60),
                List.of(
                    "/usr/bin/python3",
                    "-c",
                    """
                    import mmap, sys
                    f = open(sys.argv[1], 'rb')
                    m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
                    sys.exit(0 if m.find(bytes.fromhex(sys.argv[2])) >= 0 else 3)
                    """,
                    file.toString(),
                    HexFormat.of().formatHex(bytes)))
            .exitCode()
        == 0;
  }

  @Test
  void aSecondDaemonOnTheStore_isToldWhichProcessHasIt_andTheFirstIsNotHurt() throws Exception {
    Process first = bailey.start();
    DaemonOptions options = RunningDaemon.options(bailey.directory);
    DaemonOptions second =
        new DaemonOptions(
            options.store(),
            bailey.directory.resolve("run2"),
            options.memoryBudgetBytes(),
            OptionalInt.empty());
    for (int i = 0; i < 2; i++) {
      assertThat(catchThrowable(() -> BaileyDaemon.start(second, List.of()).close()))
          .isInstanceOf(StorageException.class)
          .hasMessageContaining("store " + options.store())
          .hasMessageContaining("in use by process " + first.pid());
      assertThat(catchThrowable(() -> BaileyDaemon.rekey(second, OuterKey.Source.NONE)))
          .hasMessageContaining("in use by process " + first.pid());
    }
    // It had no ephemeral volume then, so what it needs for one was an empty directory.
    String uri = DaemonProcess.uri("e", bailey.create("e", 1 << 20, "none"));
    Tool.run("qemu-io", "-f", "raw", "-c", "write -P 7 0 512k", uri);
    bailey.stop();
  }
}
