package io.bailey.bench;

import io.bailey.daemon.BaileyDaemon;
import io.bailey.daemon.DaemonExtension;
import io.bailey.daemon.DaemonOptions;
import io.bailey.daemon.StorageService;
import io.bailey.vm.VmExtension;
import io.bailey.volume.Durability;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** A daemon that has so many ephemeral volumes when it is ready, and none when it has stopped. */
final class IdleProcess {
  private IdleProcess() {}

  static String volume(int number) {
    return "idle-" + number;
  }

  /** Takes: store, run directory, memory budget, volumes. */
  public static void main(String[] arguments) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    DaemonOptions options =
        new DaemonOptions(
            Path.of(arguments[0]),
            Path.of(arguments[1]),
            Long.parseLong(arguments[2]),
            OptionalInt.empty());
    int volumes = Integer.parseInt(arguments[3]);
    System.exit(
        BaileyDaemon.run(
            options,
            List.of(new VmExtension(), new Volumes(volumes)),
            socket -> out.println("ready")));
  }

  /** Makes volumes at the start, and removes them before the store closes. */
  private static final class Volumes implements DaemonExtension {
    private final int count;
    private Optional<StorageService> storage = Optional.empty();

    Volumes(int count) {
      this.count = count;
    }

    @Override
    public void start(Context context) throws IOException {
      storage = Optional.of(context.storage());
      for (int i = 0; i < count; i++) {
        context
            .storage()
            .createVolume(volume(i), new VolumeSpec(Optional.empty(), 1L << 30, Durability.NONE));
      }
    }

    @Override
    public void stop() {
      for (int i = 0; i < count && storage.isPresent(); i++) {
        try {
          storage.get().removeVolume(volume(i));
        } catch (IOException e) {
          System.err.println("bailey bench: " + e.getMessage());
        }
      }
    }
  }
}
