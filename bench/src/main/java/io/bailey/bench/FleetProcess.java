package io.bailey.bench;

import io.bailey.nbd.NbdServer;
import io.bailey.volume.Durability;
import io.bailey.volume.Store;
import io.bailey.volume.StoreOptions;
import io.bailey.volume.Volume;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process that serves many volumes of one store. Prints "ready" and ends, without a clean stop,
 * with its standard input: what it leaves is deleted, and sorting it would take long.
 */
final class FleetProcess {
  private FleetProcess() {}

  /** Takes: store, memory directory, directory of the sockets, memory budget, volumes, size. */
  public static void main(String[] arguments) throws IOException {
    StoreOptions options =
        new StoreOptions(
            Path.of(arguments[0]), Path.of(arguments[1]), Long.parseLong(arguments[3]));
    Store store = Store.open(options);
    NbdServer server = new NbdServer();
    int count = Integer.parseInt(arguments[4]);
    long size = Long.parseLong(arguments[5]);
    for (int i = 0; i < count; i++) {
      Volume volume =
          store.createVolume("v" + i, new VolumeSpec(Optional.empty(), size, Durability.FLUSH));
      server.serve("v" + i, "a benchmark", volume, socket(Path.of(arguments[2]), i));
    }
    System.out.println("ready");
    while (System.in.read() >= 0) {
      // Until the owner ends.
    }
    Runtime.getRuntime().halt(0);
  }

  /** The socket of one volume. */
  static Path socket(Path sockets, int volume) {
    return sockets.resolve(Integer.toString(volume)).resolve("s");
  }
}
