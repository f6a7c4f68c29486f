package io.bailey.daemon;

import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.nio.file.Path;

/** A part that runs inside the daemon beside the storage host: the VM manager is one. */
public interface DaemonExtension {
  /** Starts the part and adds its routes; the control socket answers only after this returns. */
  void start(Context context) throws IOException;

  /** Stops the part while volumes are still served. May take seconds; must end. */
  void stop();

  /**
   * Stops the part after a start that failed, its own or a later one's: what it found running it
   * leaves so, for the next daemon.
   */
  default void leave() {
    stop();
  }

  /**
   * What the daemon lends to a part.
   *
   * @param router of the control API; handlers that wait belong on virtual threads
   * @param runDirectory 0700, on a memory file system as a rule; holds sockets and process records
   */
  record Context(
      Vertx vertx,
      Router router,
      StorageService storage,
      MeterRegistry metrics,
      Path runDirectory) {}
}
