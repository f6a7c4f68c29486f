package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.daemon.BaileyDaemon;
import io.bailey.daemon.DaemonExtension;
import io.bailey.daemon.DaemonOptions;
import io.bailey.volume.Durability;
import io.bailey.volume.ImageName;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class VmExtensionTest {
  @TempDir Path directory;

  /** Another part of the daemon that does one thing at its start. */
  private record Step(Start step) implements DaemonExtension {
    @FunctionalInterface
    interface Start {
      void run(DaemonExtension.Context context) throws IOException;
    }

    @Override
    public void start(Context context) throws IOException {
      step.run(context);
    }

    @Override
    public void stop() {}
  }

  private BaileyDaemon start(DaemonExtension... extensions) throws IOException {
    return BaileyDaemon.start(
        new DaemonOptions(
            directory.resolve("store"), directory.resolve("run"), 64 << 20, OptionalInt.empty()),
        List.of(extensions));
  }

  private VmExtension vms(boolean keepVms) {
    return new VmExtension(GuestKernel.defaultDirectory(), directory.resolve("cache"), keepVms);
  }

  /** Makes a volume, and the record of a VM on it whose QEMU is another program. */
  private void leaveVm(Process qemu) throws IOException {
    VolumeSpec empty = new VolumeSpec(Optional.empty(), 4096, Durability.NONE);
    start(new Step(context -> context.storage().createVolume("web", empty))).close();
    VmFiles files = new VmFiles(directory.resolve("run/vm/web"));
    Files.createDirectory(directory.resolve("run/vm"));
    files.create();
    files.save(
        new VmFiles.Saved(
            new VmSpec("web", ImageName.parse("golden"), "microvm", 128, 1, "tcg"),
            Instant.now(),
            ProcessIdentity.of(qemu.pid()),
            Optional.of(1.0)));
  }

  @Test
  void aStartThatFailsLateLeavesTheVmsThatItTookUp() throws Exception {
    Process qemu = new ProcessBuilder("sleep", "60").start();
    try {
      leaveVm(qemu);
      DaemonExtension fails =
          new Step(
              context -> {
                throw new IOException("too late");
              });
      assertThatThrownBy(() -> start(vms(false), fails)).hasMessage("too late");
      assertThat(qemu.isAlive()).isTrue();
      DaemonExtension hasDisk =
          new Step(context -> assertThat(context.storage().volume("web")).isPresent());
      start(vms(true), hasDisk).close();
      assertThat(qemu.isAlive()).isTrue();
      start(vms(false)).close();
      assertThat(qemu.isAlive()).isFalse();
    } finally {
      qemu.destroyForcibly();
    }
  }

  @Test
  void aRecordThatCantBeReadNowIsNotTakenForABadOne() throws Exception {
    Process qemu = new ProcessBuilder("sleep", "60").start();
    try {
      leaveVm(qemu);
      Path record = directory.resolve("run/vm/web/vm.json");
      byte[] bytes = Files.readAllBytes(record);
      Files.delete(record);
      Files.createDirectory(record);
      assertThatThrownBy(() -> start(vms(false))).hasMessageContaining(record.toString());
      assertThat(qemu.isAlive()).isTrue();
      Files.delete(record);
      Files.write(record, bytes);
      start(vms(false)).close();
      assertThat(qemu.isAlive()).isFalse();
    } finally {
      qemu.destroyForcibly();
    }
  }
}
