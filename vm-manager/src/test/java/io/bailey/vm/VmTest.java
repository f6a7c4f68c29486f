package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bailey.io.StorageException;
import io.bailey.volume.ImageName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A VM whose QEMU is another program. */
@Timeout(60)
class VmTest {
  @TempDir Path directory;

  private final AtomicInteger released = new AtomicInteger();

  private Vm adopted(Process qemu) throws Exception {
    VmSpec spec = new VmSpec("web", ImageName.parse("golden"), "microvm", 128, 1, "tcg");
    ProcessIdentity process = ProcessIdentity.of(qemu.pid()).orElseThrow();
    Vm vm = new Vm(spec, new VmFiles(directory), released::incrementAndGet);
    vm.adopt(
        new VmFiles.Saved(spec, Instant.now(), Optional.of(process), Optional.empty()), process);
    return vm;
  }

  @Test
  void aVmThatIsGivenUpIsEndedBeforeItsVolumeGoes() throws Exception {
    Process qemu = new ProcessBuilder("sleep", "60").start();
    try {
      Vm vm = adopted(qemu);
      vm.fail("given up");
      assertThat(qemu.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(vm.state()).isEqualTo(VmState.FAILED);
      assertThat(released).hasPositiveValue();
    } finally {
      qemu.destroyForcibly();
    }
  }

  @Test
  void aGuestThatAsksForALoginIsUp() throws Exception {
    Process qemu = new ProcessBuilder("sleep", "60").start();
    try {
      Vm vm = adopted(qemu);
      assertThat(vm.state()).isEqualTo(VmState.STARTING);
      Files.writeString(vm.console().file(), "Debian GNU/Linux\n\nhost login: ");
      await().until(() -> vm.state() == VmState.RUNNING);
    } finally {
      qemu.destroyForcibly();
    }
  }

  @Test
  void aRecordForWhichThereIsNoRoomIsNamed() throws Exception {
    Path full = Path.of("/dev/full");
    VmFiles files = new VmFiles(directory);
    Files.createSymbolicLink(directory.resolve("vm.json.part"), full);
    Files.createSymbolicLink(files.config(), full);
    VmSpec spec = new VmSpec("web", ImageName.parse("golden"), "microvm", 128, 1, "tcg");
    VmFiles.Saved saved =
        new VmFiles.Saved(spec, Instant.now(), Optional.empty(), Optional.empty());
    assertThatThrownBy(() -> files.save(saved))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("no space left for " + directory.resolve("vm.json.part"));
    assertThatThrownBy(() -> files.saveConfig("[machine]"))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("no space left for " + files.config());
  }
}
