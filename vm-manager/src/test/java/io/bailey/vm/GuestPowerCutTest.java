package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bailey.daemon.BaileyDaemon;
import io.bailey.daemon.DaemonOptions;
import io.bailey.volume.ImageName;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A guest that writes files to the ext4 in its disk, and syncs each, while the host's power is cut.
 * The store lies on a loop device of its own: what has gone to that at one moment, copied while the
 * daemon is held, is what a cut then leaves. One boot is cut many times; {@code -Dbailey.cuts=50}
 * makes it a campaign. Needs root, to mount.
 */
@Tag("slow")
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class GuestPowerCutTest {
  private static final int CUTS = Integer.getInteger("bailey.cuts", 3);
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String NAME = "writer";

  /** Files that are looked for: the guest removes older ones. */
  private static final int NEWEST = 20;

  private static final String INIT =
      """
      #!/bin/sh
      export PATH=/bin:/sbin
      mount -t proc proc /proc
      exec </dev/console >/dev/console 2>&1
      echo 'BAILEY ready writer'
      n=0
      while :; do
        n=$((n + 1))
        dd if=/dev/urandom of=/vm/f$n bs=$((n % 7 * 1000 + 100)) count=4 conv=fsync 2>/dev/null
        sum=$(sha256sum </vm/f$n)
        echo "BAILEY synced f$n ${sum%% *}"
        echo "$n" >>/vm/log
        cp /vm/f$n /vm/not-synced
        [ $n -le 40 ] || rm /vm/f$((n - 40))
      done
      """;

  private static final Pattern SYNCED = Pattern.compile("BAILEY synced (f\\d+) ([0-9a-f]{64})\\s");

  private final Deque<Path> mounts = new ArrayDeque<>();
  private final Thread atExit = new Thread(this::unmountAll);
  private TestDaemon bailey;
  private Path store;
  private @Nullable Process qemu;

  @BeforeEach
  void makeStoreOnItsOwnDisk() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "only root may mount a file system");
    bailey = new TestDaemon("disk/store");
    Runtime.getRuntime().addShutdownHook(atExit);
    Path image = bailey.directory().resolve("disk.img");
    TestDaemon.run(List.of("truncate", "--size=256M", image.toString()));
    // Nothing is left for the background, so that there are moments without a write.
    TestDaemon.run(
        List.of(
            HostProgram.MKFS_EXT4.locate().toString(),
            "-q",
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0",
            image.toString()));
    try {
      store = mount(image, "disk", "loop,noatime");
    } catch (AssertionError e) {
      assumeTrue(false, "this host mounts no loop device: " + e.getMessage());
    }
  }

  @AfterEach
  void end() throws Exception {
    if (bailey == null) {
      return;
    }
    if (qemu != null) {
      qemu.destroyForcibly().waitFor();
    }
    unmountAll();
    Runtime.getRuntime().removeShutdownHook(atExit);
    bailey.close();
  }

  private Path mount(Path image, String name, String options) throws Exception {
    Path directory = Files.createDirectories(bailey.directory().resolve(name));
    TestDaemon.run(List.of("mount", "-o", options, image.toString(), directory.toString()));
    mounts.push(directory);
    return directory;
  }

  private void unmountAll() {
    while (!mounts.isEmpty()) {
      try {
        // Lazily: a test that failed may have files open.
        TestDaemon.run(List.of("umount", "--lazy", mounts.pop().toString()));
      } catch (Exception e) {
        System.err.println("can't unmount: " + e);
      }
    }
  }

  private void unmount() throws Exception {
    TestDaemon.run(List.of("umount", mounts.peek().toString()));
    mounts.pop();
  }

  /** Starts a guest on a durable volume; those of the daemon's VMs are ephemeral. */
  private void startGuest() throws Exception {
    bailey.command("import", bailey.diskWithInit(INIT).toString(), "writer");
    bailey.command("create", NAME, "--from", "writer", "--durability", "flush");
    Path initramfs = bailey.directory().resolve("initramfs.gz");
    TestGuest.kernel().writeInitramfs(TestGuest.configs(), initramfs);
    VmFiles files = new VmFiles(bailey.directory().resolve("run/vm").resolve(NAME));
    files.create();
    VmSpec spec = new VmSpec(NAME, ImageName.parse("writer"), "microvm", 128, 1, "tcg");
    qemu =
        new QemuLauncher(TestGuest.configs(), TestGuest.kernel(), initramfs)
            .start(spec, bailey.socket(NAME), files);
  }

  /** The files that the guest has said to be synced, oldest first, with their SHA-256. */
  private Map<String, String> synced() {
    Map<String, String> files = new LinkedHashMap<>();
    for (MatchResult match : SYNCED.matcher(bailey.console(NAME)).results().toList()) {
      files.put(match.group(1), match.group(2));
    }
    return files;
  }

  /** Copies what the store's disk has on it at one moment. */
  private void copyDisk(Process daemon, Path to) throws Exception {
    signal(daemon, "STOP");
    try {
      Path stat = Path.of("/proc", Long.toString(daemon.pid()), "stat");
      await("the daemon to be held").until(() -> Files.readString(stat).contains(") T "));
      await("a copy without a write meanwhile")
          .atMost(PATIENCE)
          .until(
              () -> {
                String before = writes();
                Path from = bailey.directory().resolve("disk.img");
                TestDaemon.run(List.of("cp", "--sparse=always", from.toString(), to.toString()));
                return before.equals(writes());
              });
    } finally {
      signal(daemon, "CONT");
    }
  }

  private static void signal(Process process, String name) throws Exception {
    TestDaemon.run(List.of("kill", "-" + name, Long.toString(process.pid())));
  }

  /** Writes to the store's disk so far, and how many are under way. */
  private String writes() throws Exception {
    String device =
        TestDaemon.run(List.of("findmnt", "-n", "-o", "SOURCE", store.toString())).strip();
    String name = String.valueOf(Path.of(device).getFileName());
    String[] fields =
        Files.readString(Path.of("/sys/class/block", name, "stat")).strip().split("\\s+", -1);
    return fields[4] + " " + fields[8];
  }

  /** Opens the store of a copy and writes the guest's disk to a file. */
  private Path diskOf(Path copy) throws Exception {
    Path raw = bailey.directory().resolve("raw.img");
    Path run = bailey.directory().resolve("cut-run");
    Path left = mount(copy, "cut", "loop,noatime").resolve("store");
    DaemonOptions options = new DaemonOptions(left, run, 64 << 20, OptionalInt.empty());
    try (BaileyDaemon _ = BaileyDaemon.start(options, List.of())) {
      Path socket = run.resolve("nbd").resolve(NAME).resolve("nbd.sock");
      TestDaemon.run(
          List.of("nbdcopy", "nbd+unix:///" + NAME + "?socket=" + socket, raw.toString()));
    }
    unmount();
    return raw;
  }

  /** Has the kernel recover a guest's file system, and looks for what must be in it. */
  private void check(Path raw, Map<String, String> mustBeThere) throws Exception {
    Path guest = mount(raw, "guest", "loop");
    for (Map.Entry<String, String> file : mustBeThere.entrySet()) {
      Path path = guest.resolve("vm").resolve(file.getKey());
      assertThat(path).as("a file that was synced").exists();
      assertThat(HexFormat.of().formatHex(TestDaemon.sha256(Files.readAllBytes(path))))
          .as("content of %s", file.getKey())
          .isEqualTo(file.getValue());
    }
    try (DirectoryStream<Path> all = Files.newDirectoryStream(guest.resolve("vm"))) {
      assertThat(all).isNotEmpty();
    }
    unmount();
    String fsck = new HostProgram("e2fsck", "e2fsprogs").locate().toString();
    assertThat(TestDaemon.run(List.of(fsck, "-f", "-n", raw.toString())))
        .doesNotContain("Fix?", "recovering journal");
  }

  @Test
  void aGuestsFileSystemIsCleanAndHasWhatWasSynced_afterThePowerWasCut() throws Exception {
    Process daemon = bailey.start();
    startGuest();
    Random random = new Random(1);
    long files = 0;
    long began = System.nanoTime();
    for (int cut = 1; cut <= CUTS; cut++) {
      int until = synced().size() + 1 + random.nextInt(5);
      await("files of the guest")
          .atMost(PATIENCE)
          .pollInterval(2, TimeUnit.MILLISECONDS)
          .until(() -> synced().size() >= until);
      Map<String, String> mustBeThere = new LinkedHashMap<>(synced());
      while (mustBeThere.size() > NEWEST) {
        mustBeThere.remove(mustBeThere.keySet().iterator().next());
      }
      Path copy = bailey.directory().resolve("copy.img");
      copyDisk(daemon, copy);
      Path raw = diskOf(copy);
      check(raw, mustBeThere);
      files += mustBeThere.size();
      Files.delete(raw);
      Files.delete(copy);
    }
    assertThat(bailey.console(NAME)).doesNotContainIgnoringCase("error");
    System.out.printf(
        "%d cuts of a guest, %d files written, %d found whole, in %d s%n",
        CUTS, synced().size(), files, (System.nanoTime() - began) / 1_000_000_000);
  }
}
