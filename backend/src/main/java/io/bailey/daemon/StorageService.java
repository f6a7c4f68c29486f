package io.bailey.daemon;

import io.bailey.volume.Durability;
import io.bailey.volume.Image;
import io.bailey.volume.ImageName;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What the storage host offers to the rest of the process: the same that the control API offers
 * over HTTP. Calls may wait for a disk, so they belong on worker or virtual threads, never on an
 * event loop. Failures are {@link io.bailey.io.StorageException}s.
 */
public interface StorageService {
  List<Image> images();

  Optional<Image> image(ImageName name);

  /** Makes a volume and serves it; its socket takes connections when this returns. */
  Export createVolume(String name, VolumeSpec spec) throws IOException;

  /** Stops serving a volume, cutting its clients off, and deletes it. */
  void removeVolume(String name) throws IOException;

  Optional<Export> volume(String name);

  List<Export> volumes();

  /**
   * What a volume's clients did and where its bytes lie; kind {@code NOT_FOUND} if there is none.
   */
  ExportReport stats(String volume) throws IOException;

  /**
   * A volume as its clients find it.
   *
   * @param size bytes
   * @param socket the Unix socket of the NBD server; the export is called {@code name}
   * @param connections clients attached now
   */
  record Export(
      String name,
      Optional<ImageName> from,
      long size,
      Durability durability,
      Path socket,
      int connections,
      Instant created) {
    /** The address that libnbd and QEMU's tools take. */
    public String uri() {
      return "nbd+unix:///" + name + "?socket=" + socket;
    }

    /** The argument of QEMU's {@code -drive}, to paste. */
    public String drive() {
      return "driver=nbd,server.type=unix,server.path="
          + socket
          + ",export="
          + name
          + ",if=virtio,discard=unmap,detect-zeroes=unmap,cache=none,reconnect-delay=30";
    }
  }
}
