package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Stands programs of its own in for QEMU: a host whose KVM works, and ones whose KVM doesn't. */
class AcceleratorProbeTest {
  @TempDir Path directory;
  private Path device;
  private GuestKernel kernel;

  @BeforeEach
  void makeHost() throws IOException {
    device = Files.createFile(directory.resolve("kvm"));
    kernel = new GuestKernel(directory);
    Files.writeString(directory.resolve("version"), "kernel 1\n");
  }

  private Path program(String name, String script) throws IOException {
    Path file = Files.writeString(directory.resolve(name), "#!/bin/sh\n" + script + "\n");
    assertThat(file.toFile().setExecutable(true)).isTrue();
    return file;
  }

  private AcceleratorProbe.Choice choose(Path qemu) throws IOException {
    return new AcceleratorProbe(device, directory.resolve("cache"))
        .choose(qemu, kernel, directory.resolve("initramfs"));
  }

  @Test
  void kvmIsUsedWhereAGuestBootsWithIt() throws IOException {
    AcceleratorProbe.Choice choice = choose(program("qemu", "echo BAILEY probe ok"));
    assertThat(choice).hasToString("kvm (a test guest booted with it)");
  }

  @Test
  void theAnswerIsRememberedUntilKernelOrQemuChange() throws IOException {
    Path count = directory.resolve("count");
    Path qemu = program("qemu", "echo >>" + count + "; exit 1");
    AcceleratorProbe.Choice first = choose(qemu);
    assertThat(first.accelerator()).isEqualTo("tcg");
    assertThat(choose(qemu)).isEqualTo(first);
    assertThat(count).hasContent("\n");

    Files.writeString(directory.resolve("version"), "kernel 2\n");
    assertThat(choose(qemu)).isEqualTo(first);
    assertThat(Files.size(count)).isEqualTo(2);
  }

  @Test
  void tcgIsUsedWhereThereIsNoKvm() throws IOException {
    Files.delete(device);
    AcceleratorProbe.Choice choice = choose(program("qemu", "echo BAILEY probe ok"));
    assertThat(choice.accelerator()).isEqualTo("tcg");
    assertThat(choice.why()).contains("there is no " + device);
  }

  @Test
  @Tag("slow")
  void aGuestThatHangsUnderKvmMeansTcgAfterTheLimitAndLeavesNoProcess() throws IOException {
    Path pid = directory.resolve("pid");
    AcceleratorProbe.Choice choice = choose(program("qemu", "echo $$ >" + pid + "; exec sleep 60"));
    assertThat(choice.accelerator()).isEqualTo("tcg");
    assertThat(choice.why()).contains("hung for 5 s");
    assertThat(ProcessIdentity.of(Long.parseLong(Files.readString(pid).strip()))).isEmpty();
  }

  @Test
  @Tag("slow")
  void theRealHostGetsAnAcceleratorThatBootsAGuest() throws IOException {
    GuestKernel real = TestGuest.kernel();
    Path initramfs = directory.resolve("initramfs");
    real.writeInitramfs(TestGuest.configs(), initramfs);
    AcceleratorProbe.Choice choice =
        new AcceleratorProbe(Path.of("/dev/kvm"), directory.resolve("cache"))
            .choose(HostProgram.QEMU.locate(), real, initramfs);
    assertThat(choice.accelerator()).isIn("kvm", "tcg");
    assertThat(choice.why()).isNotBlank();
  }

  @Test
  void aWishIsOneOfThree() throws IOException {
    assertThat(AcceleratorProbe.checkWish("auto")).isEqualTo("auto");
    assertThatThrownBy(() -> AcceleratorProbe.checkWish("xen"))
        .hasMessage("no accelerator 'xen': use auto, kvm or tcg");
  }
}
