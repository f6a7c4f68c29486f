package io.bailey.cli;

import io.bailey.vm.GuestImage;
import io.bailey.vm.GuestKernel;
import io.bailey.vm.QemuConfigs;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Shows the main job from end to end, with real parts, and leaves nothing behind. */
@Command(
    name = "demo",
    sortOptions = false,
    description = {
      "Show it all: make a golden image, import it, boot VMs from it at the same time, let each"
          + " check and write its disk, and show that none saw another's writes.",
      "Uses a store in a temporary directory and memory in /dev/shm, and leaves nothing behind."
    })
final class DemoCommand implements Callable<Integer> {
  private static final int MOST_VMS = 64;
  private static final int BASE_SECONDS = 120;
  private static final int SECONDS_PER_VM = 15;
  private static final int POLL_MILLIS = 300;
  private static final String IMAGE = "golden:latest";

  @Option(
      names = {"-n", "--count"},
      paramLabel = "N",
      defaultValue = "4",
      description = "How many VMs, 1 to 64; 4 where it isn't given.")
  private int count;

  @Option(
      names = "--machine",
      paramLabel = "TYPE",
      description = "A file of qemu-configs: microvm (default) or q35.")
  private @Nullable String machine;

  @Option(
      names = "--accel",
      paramLabel = "ACCEL",
      description = "kvm, tcg, or auto (default): kvm where it was tried and works.")
  private @Nullable String accel;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Spec private CommandSpec spec = CommandSpec.create();

  private final long startedNanos = System.nanoTime();

  @Override
  public Integer call() throws IOException {
    if (count < 1 || count > MOST_VMS) {
      throw new ParameterException(spec.commandLine(), "-n is 1 to " + MOST_VMS);
    }
    DemoHost host = new DemoHost();
    try (host) {
      showUntilEnded(host);
    }
    if (!host.isClean()) {
      throw new IOException("the VMs did well, but something of the demo may be left: see above");
    }
    step("Stopped the daemon and removed its directory; nothing is left");
    out().println();
    out().println("To do the same by hand:");
    out().println("  ./bailey daemon                             in a terminal of its own");
    out().println("  ./bailey import disk.raw mine:1             a raw disk image, or a .swap");
    out().println("  ./bailey create vol1 --from mine:1          a copy-on-write disk over NBD");
    out().println("  ./bailey run mine:1 -n 4                    VMs, each with a disk of its own");
    out().println("  ./bailey top                                what their disks do, live");
    out().flush();
    return 0;
  }

  /** After Ctrl-C, what fails does so because the daemon stops: that isn't what to complain of. */
  private void showUntilEnded(DemoHost host) throws IOException {
    try {
      show(host);
    } catch (IOException | UncheckedIOException e) {
      host.waitIfEnding();
      throw e;
    }
  }

  private void show(DemoHost host) throws IOException {
    Path disk = host.directory().resolve("golden.raw");
    GuestKernel kernel = GuestKernel.locate(GuestKernel.defaultDirectory());
    new GuestImage(kernel, QemuConfigs.locate()).build(disk, GuestImage.DEFAULT_SIZE_BYTES);
    String hash = sha256(disk);
    step(
        "Made a golden image: "
            + ByteSize.format(Files.size(disk))
            + " with an ext4 root file system, SHA-256 "
            + hash.substring(0, 16)
            + "…");

    DaemonClient daemon = host.startDaemon();
    step("Started the daemon: store and sockets in " + host.directory());

    JsonObject image;
    try (ImportProgress progress = ImportProgress.after(0, IMAGE)) {
      image = daemon.importImage(IMAGE, disk, progress);
    }
    String root = image.string("root");
    step(
        "Imported it as "
            + IMAGE
            + ": "
            + ByteSize.format(image.number("storedBytes"))
            + " stored, root "
            + root.substring(0, Math.min(16, root.length()))
            + "…");

    List<JsonObject> vms =
        daemon.postForList(
            JsonObject.empty()
                .with("image", IMAGE)
                .with("count", count)
                .with("name", "vm")
                .with("machine", machine)
                .with("accel", accel),
            "vms");
    step(
        "Booting "
            + vms.size()
            + " VMs, each on a copy-on-write volume of its own ("
            + describe(vms)
            + ")");
    out().println();
    watch(daemon, new DemoView(out(), Terminals.isStdoutTerminal()));
    out().println();
    step(
        "Every VM found the golden file whole, wrote and synced its own files, and read them back");
    step("No VM saw another's files");

    compare(daemon, host.directory(), hash, root);
    for (JsonObject vm : vms) {
      daemon.post(JsonObject.empty(), "vms", vm.string("name"), "stop");
    }
    step("Stopped the VMs");
  }

  private static String describe(List<JsonObject> vms) {
    JsonObject first = vms.getFirst();
    return first.string("machine") + ", " + first.string("accel");
  }

  /** Shows the VMs until each has passed its checks; one that doesn't is a failure. */
  private void watch(DaemonClient daemon, DemoView view) throws IOException {
    long endNanos =
        System.nanoTime() + (BASE_SECONDS + (long) SECONDS_PER_VM * count) * 1_000_000_000L;
    Map<String, GuestChecks> checks = new HashMap<>();
    while (true) {
      Map<String, Activity> activities = new HashMap<>();
      for (JsonObject report : daemon.list("stats")) {
        activities.put(report.string("volume"), new Activity(report));
      }
      List<JsonObject> vms = daemon.list("vms");
      for (JsonObject vm : vms) {
        check(daemon, vm, checks);
      }
      List<DemoView.Row> rows = DemoView.rows(vms, activities, checks);
      if (rows.stream().allMatch(row -> row.checks().done() && row.vm().has("bootSeconds"))) {
        view.finish(rows);
        return;
      }
      view.update(rows);
      if (System.nanoTime() > endNanos) {
        view.finish(rows);
        throw new IOException("the VMs did not finish in time; is this machine very busy?");
      }
      sleep();
    }
  }

  private static void check(DaemonClient daemon, JsonObject vm, Map<String, GuestChecks> checks)
      throws IOException {
    String name = vm.string("name");
    if (checks.containsKey(name) && checks.get(name).done()) {
      return;
    }
    ByteArrayOutputStream console = new ByteArrayOutputStream();
    daemon.console(name, false, console);
    GuestChecks said = GuestChecks.of(console.toString(StandardCharsets.UTF_8));
    checks.put(name, said);
    if (!said.problems().isEmpty()) {
      throw new IOException(name + " failed a check: " + String.join(", ", said.problems()));
    }
    if (vm.string("state").equals("failed") || vm.string("state").equals("stopped")) {
      throw new IOException(
          name + " ended too early: " + vm.optional("reason").orElse("it said nothing"));
    }
  }

  /** Reads the golden image back through a fresh volume, and compares. */
  private void compare(DaemonClient daemon, Path directory, String hash, String root)
      throws IOException {
    String now = daemon.get("images", IMAGE).string("root");
    JsonObject volume =
        daemon.post(
            JsonObject.empty()
                .with("name", "golden-check")
                .with("from", IMAGE)
                .with("durability", "none"),
            "volumes");
    Path copy = directory.resolve("golden.again");
    Process convert =
        new ProcessBuilder(
                "qemu-img",
                "convert",
                "-f",
                "raw",
                "-O",
                "raw",
                volume.string("uri"),
                copy.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(convert.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (convert.waitFor() != 0) {
        throw new IOException("qemu-img could not read the golden image back: " + said.strip());
      }
    } catch (InterruptedException e) {
      throw new InterruptedIOException("interrupted");
    }
    daemon.delete("volumes", "golden-check");
    String again = sha256(copy);
    if (!again.equals(hash) || !now.equals(root)) {
      throw new IOException("the golden image changed: SHA-256 " + hash + " is now " + again);
    }
    step("The golden image is what it was: SHA-256 " + again.substring(0, 16) + "…, same root");
  }

  private static void sleep() throws InterruptedIOException {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      throw new InterruptedIOException("interrupted");
    }
  }

  private static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private void step(String text) {
    double seconds = (System.nanoTime() - startedNanos) / 1e9;
    out().println(String.format(Locale.ROOT, "%5.1f s  %s", seconds, text));
    out().flush();
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
