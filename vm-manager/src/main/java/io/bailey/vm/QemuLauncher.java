package io.bailey.vm;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Starts QEMU for a VM: fills its machine file in and runs it in a session of its own, so that a
 * terminal's signals for the daemon don't reach it, with an empty environment.
 */
final class QemuLauncher {
  private final QemuConfigs configs;
  private final GuestKernel kernel;
  private final Path initramfs;

  QemuLauncher(QemuConfigs configs, GuestKernel kernel, Path initramfs) {
    this.configs = configs;
    this.kernel = kernel;
    this.initramfs = initramfs;
  }

  /** Writes the VM's machine file; what is wrong with its values shows here. */
  private List<String> prepare(VmSpec spec, Path nbdSocket, VmFiles files) throws IOException {
    MachineProfile machine = configs.machine(spec.machine());
    Map<String, String> values =
        Map.ofEntries(
            Map.entry("accel", spec.accelerator()),
            Map.entry("kernel", kernel.vmlinuz().toString()),
            Map.entry("initrd", initramfs.toString()),
            Map.entry("memoryMiB", Integer.toString(spec.memoryMiB())),
            Map.entry("cpus", Integer.toString(spec.cpus())),
            Map.entry("name", spec.name()),
            Map.entry("tscKhz", Long.toString(HostCpu.tscKhz())),
            Map.entry("qmpSocket", files.qmpSocket().toString()),
            Map.entry("consoleSocket", files.consoleSocket().toString()),
            Map.entry("consoleLog", files.consoleLog().toString()),
            Map.entry("pidFile", files.pidFile().toString()),
            Map.entry("nbdSocket", nbdSocket.toString()),
            Map.entry("export", spec.volume()));
    files.saveConfig(machine.config(values));
    return machine.arguments(values);
  }

  Process start(VmSpec spec, Path nbdSocket, VmFiles files) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(HostProgram.SETSID.locate().toString());
    command.add(HostProgram.QEMU.locate().toString());
    command.add("-readconfig");
    command.add(files.config().toString());
    command.addAll(prepare(spec, nbdSocket, files));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/bin:/bin");
    builder.directory(files.directory().toFile());
    builder.redirectInput(new File("/dev/null"));
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(files.qemuLog().toFile()));
    return builder.start();
  }
}
