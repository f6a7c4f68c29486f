package io.bailey.daemon;

import io.bailey.remote.ChunkSources;
import io.bailey.volume.CheckOptions;
import io.bailey.volume.ChunkSource;
import io.bailey.volume.ClosedStore;
import io.bailey.volume.OuterKey;
import io.bailey.volume.Progress;
import io.bailey.volume.StoreMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The check of a store that no daemon has open. */
public final class OfflineCheck {
  private OfflineCheck() {}

  /**
   * Returns, as JSON, what POST /v1/check answers as its report.
   *
   * @param repairFrom as {@link ChunkSources#of} takes it
   */
  public static String run(
      Path store,
      OuterKey.Source key,
      List<String> names,
      boolean openValues,
      Optional<String> repairFrom,
      Progress progress)
      throws IOException {
    CoreFiles.leaveMemoryOut();
    StoreMemory memory = id -> MemoryDirectory.find(store, id, MemoryDirectory.SHARED);
    Optional<ChunkSource> source =
        repairFrom.isEmpty() ? Optional.empty() : Optional.of(ChunkSources.of(repairFrom.get()));
    try {
      CheckOptions options = new CheckOptions(names, openValues, source);
      return CheckJson.of(ClosedStore.check(store, memory, key, options, progress, () -> false))
          .encode();
    } finally {
      source.ifPresent(ChunkSource::close);
    }
  }
}
