package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bailey.io.StorageException;
import io.bailey.volume.Durability;
import io.bailey.volume.ImageName;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
@Timeout(180)
class VmSupervisorTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir Path directory;
  private QemuNbdStorage storage;
  private VmSupervisor vms;

  @BeforeEach
  void start() throws IOException {
    storage = new QemuNbdStorage(Files.createDirectory(directory.resolve("nbd")));
    storage.addImage("golden", TestGuest.goldenDisk());
    vms = supervisor();
  }

  @AfterEach
  void endAll() throws IOException {
    vms.close();
    storage.close();
    assertThat(ProcessIdentity.byPidFile(directory.resolve("vm"), VmFiles.PID_FILE))
        .as("QEMU processes left behind")
        .isEmpty();
  }

  private VmSupervisor supervisor() throws IOException {
    return new VmSupervisor(
        new VmSupervisor.Context(
            storage,
            directory,
            TestGuest.configs(),
            TestGuest.kernel().directory(),
            directory.resolve("cache"),
            2));
  }

  private static VmSupervisor.Request request(String image, int count, String machine)
      throws IOException {
    return new VmSupervisor.Request(
        ImageName.parse(image), count, Optional.empty(), machine, 128, 1, "tcg");
  }

  private String log(String name) {
    try {
      return Files.readString(vms.view(name).console());
    } catch (IOException e) {
      return "";
    }
  }

  private void awaitLine(String name, String line) {
    await(name + " prints " + line)
        .atMost(PATIENCE)
        .until(() -> log(name).contains(line) || vms.view(name).state().ended());
    assertThat(log(name)).contains(line);
  }

  private void awaitState(String name, VmState state) {
    await().atMost(PATIENCE).until(() -> vms.view(name).state() == state);
  }

  private ProcessHandle process(String name) throws IOException {
    return ProcessHandle.of(vms.view(name).pid().orElseThrow()).orElseThrow();
  }

  private void assertGuestChecksItsDisk(String machine) throws IOException {
    List<VmView> started = vms.run(request("golden", 2, machine));
    assertThat(started).extracting(VmView::name).containsExactly("golden-1", "golden-2");
    for (VmView vm : started) {
      awaitLine(vm.name(), "BAILEY done ok");
      assertThat(log(vm.name()))
          .contains("BAILEY ready " + vm.name())
          .contains("BAILEY check golden ok")
          .contains("BAILEY own ok 8")
          .contains("BAILEY foreign none");
      VmView up = vms.view(vm.name());
      assertThat(up.state()).isEqualTo(VmState.RUNNING);
      assertThat(up.bootSeconds().orElseThrow()).isBetween(0.01, 60.0);
    }
    VmView stopped = vms.stop("golden-1", Duration.ofSeconds(20));
    assertThat(stopped.state()).isEqualTo(VmState.STOPPED);
    assertThat(stopped.reason()).contains("the guest powered off");
    assertThat(log("golden-1")).contains("BAILEY off");
    assertThat(storage.volume("golden-1")).isEmpty();
    assertThat(storage.volume("golden-2")).isPresent();
  }

  @Test
  void aGuestUnderMicrovmBootsChecksItsDiskAndPowersOffWhenAsked() throws IOException {
    assertGuestChecksItsDisk("microvm");
  }

  @Test
  void aGuestUnderQ35BootsChecksItsDiskAndPowersOffWhenAsked() throws IOException {
    assertGuestChecksItsDisk("q35");
  }

  @Test
  void aVmThatIsKilledIsShownFailedWithTheReasonAndItsVolumeIsFreed() throws IOException {
    vms.run(request("golden", 1, "microvm"));
    awaitState("golden-1", VmState.RUNNING);
    process("golden-1").destroyForcibly();
    awaitState("golden-1", VmState.FAILED);
    assertThat(vms.view("golden-1").reason().orElseThrow()).contains("killed by signal 9");
    assertThat(vms.view("golden-1").pid()).isEmpty();
    assertThat(storage.volume("golden-1")).isEmpty();

    vms.remove("golden-1");
    assertThat(vms.list()).isEmpty();
    assertThat(directory.resolve("vm/golden-1")).doesNotExist();
  }

  @Test
  void aVmWithAFrozenQemuIsKilledAtTheEndOfTheLadder() throws Exception {
    vms.run(request("golden", 1, "microvm"));
    awaitState("golden-1", VmState.RUNNING);
    new ProcessBuilder("kill", "-STOP", Long.toString(process("golden-1").pid())).start().waitFor();
    VmView stopped = vms.stop("golden-1", Duration.ofSeconds(1));
    assertThat(stopped.state()).isEqualTo(VmState.STOPPED);
    assertThat(stopped.reason().orElseThrow()).startsWith("killed");
    assertThat(storage.volume("golden-1")).isEmpty();
  }

  @Test
  void aVmThatStillBootsIsEndedByQuit() throws IOException {
    vms.run(request("golden", 1, "microvm"));
    await().atMost(PATIENCE).until(() -> Files.exists(directory.resolve("vm/golden-1/qmp.sock")));
    VmView stopped = vms.stop("golden-1", Duration.ofSeconds(20));
    assertThat(stopped.state()).isEqualTo(VmState.STOPPED);
    assertThat(log("golden-1")).doesNotContain("BAILEY off");
  }

  @Test
  void aLaterStopShortensTheTimeThatAnEarlierOneGaveTheGuest() throws Exception {
    String deaf = "#!/bin/sh\necho 'BAILEY ready' >/dev/console\nexec /bin/sleep 100000\n";
    storage.addImage("deaf", TestGuest.diskWithInit(directory, deaf));
    vms.run(request("deaf", 1, "microvm"));
    awaitState("deaf-1", VmState.RUNNING);
    CompletableFuture<VmView> patient =
        CompletableFuture.supplyAsync(
            () -> stop("deaf-1", Duration.ofHours(1)), Thread.ofVirtual()::start);
    awaitState("deaf-1", VmState.STOPPING);
    vms.remove("deaf-1");
    assertThat(patient.get(20, TimeUnit.SECONDS).reason()).contains("ended by QEMU's quit");
    assertThat(vms.list()).isEmpty();
  }

  private VmView stop(String name, Duration patience) {
    try {
      return vms.stop(name, patience);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void anImageThatCantBootFailsWithWhatTheGuestSaid() throws IOException {
    Path zeros = directory.resolve("zeros.img");
    try (var file = new java.io.RandomAccessFile(zeros.toFile(), "rw")) {
      file.setLength(16 << 20);
    }
    storage.addImage("zeros", zeros);
    vms.run(request("zeros", 1, "microvm"));
    awaitState("zeros-1", VmState.FAILED);
    assertThat(vms.view("zeros-1").reason().orElseThrow()).contains("no ext4 file system");
    assertThat(storage.volumes()).isEmpty();
  }

  /** Runs VMs, says so, and waits to be killed; the adoption test's first daemon. */
  static final class DoomedDaemon {
    private DoomedDaemon() {}

    static void main(String[] arguments) throws Exception {
      VmSupervisorTest test = new VmSupervisorTest();
      test.directory = Path.of(arguments[0]);
      test.start();
      test.vms.run(request("golden", 3, "microvm"));
      for (int i = 1; i <= 3; i++) {
        test.awaitLine("golden-" + i, "BAILEY done ok");
        test.awaitState("golden-" + i, VmState.RUNNING);
      }
      Files.createFile(test.directory.resolve("up"));
      new java.util.concurrent.CountDownLatch(1).await();
    }
  }

  @Test
  void runningVmsAreAdoptedAndLostOnesEndedByTheDaemonAfterACrash() throws Exception {
    vms.close();
    storage.close();
    Path crashed = Files.createDirectory(directory.resolve("crashed"));
    Process doomed =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-Djava.io.tmpdir=" + crashed,
                "-cp",
                System.getProperty("java.class.path"),
                DoomedDaemon.class.getName(),
                crashed.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("doomed.log").toFile())
            .start();
    try {
      await()
          .atMost(PATIENCE.multipliedBy(2))
          .until(() -> Files.exists(crashed.resolve("up")) || !doomed.isAlive());
      assertThat(crashed.resolve("up")).exists();
    } finally {
      doomed.destroyForcibly().waitFor();
      directory = crashed;
      storage = new QemuNbdStorage(crashed.resolve("nbd"));
      storage.takeOver(ImageName.parse("golden"));
      storage.removeVolume("golden-2");
      vms = supervisor();
    }
    assertThat(vms.list()).hasSize(3);
    assertThat(vms.view("golden-1").state()).isEqualTo(VmState.RUNNING);
    assertThat(vms.view("golden-1").bootSeconds()).isPresent();
    assertThat(vms.view("golden-2").state()).isEqualTo(VmState.FAILED);
    assertThat(vms.view("golden-2").reason().orElseThrow()).contains("volume was gone");

    process("golden-3").destroyForcibly();
    awaitState("golden-3", VmState.FAILED);
    assertThat(vms.view("golden-3").reason().orElseThrow()).contains("QEMU died");

    VmView stopped = vms.stop("golden-1", Duration.ofSeconds(20));
    assertThat(stopped.reason()).contains("the guest powered off");
    assertThat(storage.volumes()).isEmpty();
  }

  @Test
  void aVmThatWaitedForItsTurnWhenItsDaemonEndedIsStartedByTheNext() throws IOException {
    vms.close();
    ImageName golden = ImageName.parse("golden");
    storage.createVolume("web", new VolumeSpec(Optional.of(golden), 0, Durability.NONE));
    VmFiles files = new VmFiles(directory.resolve("vm/web"));
    files.create();
    VmSpec spec = new VmSpec("web", golden, "microvm", 128, 1, "tcg");
    files.save(new VmFiles.Saved(spec, Instant.now(), Optional.empty(), Optional.empty()));
    vms = supervisor();
    awaitState("web", VmState.RUNNING);
  }

  @Test
  void allVmsAreStoppedWithTheDaemonAlsoThoseThatWaitForTheirTurn() throws IOException {
    vms.run(request("golden", 4, "microvm"));
    awaitState("golden-1", VmState.RUNNING);
    vms.close();
    assertThat(vms.list()).allMatch(vm -> vm.state().ended());
    assertThat(storage.volumes()).isEmpty();
    assertThatThrownBy(() -> vms.run(request("golden", 1, "microvm")))
        .hasMessageContaining("stopping");
  }

  @Test
  void aRequestThatCantBeServedLeavesNothingAndSaysWhy() throws IOException {
    assertThatThrownBy(() -> vms.run(request("absent", 1, "microvm")))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("no image absent:latest");
    assertThatThrownBy(() -> vms.run(request("golden", 1, "vax")))
        .hasMessageContaining("no machine 'vax': there are microvm, q35");
    assertThatThrownBy(() -> vms.run(request("golden", 0, "microvm")))
        .hasMessageContaining("count is 0");
    VmSupervisor.Request named =
        new VmSupervisor.Request(
            ImageName.parse("golden"), 1, Optional.of("web"), "microvm", 128, 1, "tcg");
    vms.run(named);
    assertThatThrownBy(() -> vms.run(named))
        .isInstanceOfSatisfying(
            StorageException.class,
            e -> assertThat(e.kind()).isEqualTo(StorageException.Kind.EXISTS))
        .hasMessageContaining("VM web exists");
    assertThat(vms.list()).hasSize(1);
    assertThat(storage.volumes()).hasSize(1);
  }
}
