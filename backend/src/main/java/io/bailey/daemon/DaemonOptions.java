package io.bailey.daemon;

import io.bailey.volume.OuterKey;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * What a daemon is told at its start; {@link DefaultPlaces} has the values for what a user leaves
 * out.
 *
 * @param store directory of the store; made if it is missing
 * @param runDirectory directory of the sockets; made if it is missing, 0700
 * @param memoryBudgetBytes for write buffers, indexes and the block cache together
 * @param loopbackPort TCP port on 127.0.0.1 for {@code /metrics}, 0 for any free one; empty for
 *     none
 * @param key where the store's outer key comes from
 * @param acceptRollback whether images and volumes that are older than they were are served
 */
public record DaemonOptions(
    Path store,
    Path runDirectory,
    long memoryBudgetBytes,
    OptionalInt loopbackPort,
    OuterKey.Source key,
    boolean acceptRollback) {

  public DaemonOptions {
    store = store.toAbsolutePath().normalize();
    runDirectory = runDirectory.toAbsolutePath().normalize();
  }

  /** With the store's own key file, and no rollback accepted. */
  public DaemonOptions(
      Path store, Path runDirectory, long memoryBudgetBytes, OptionalInt loopbackPort) {
    this(store, runDirectory, memoryBudgetBytes, loopbackPort, OuterKey.Source.NONE, false);
  }
}
