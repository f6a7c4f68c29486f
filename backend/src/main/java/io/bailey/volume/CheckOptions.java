package io.bailey.volume;

import java.util.List;
import java.util.Optional;

/**
 * What a check reads, and whether it repairs.
 *
 * @param names of images ({@code NAME:TAG}) and volumes; a name without a tag is the volume's, else
 *     the image's {@code NAME:latest}. None: all there are
 * @param openValues whether values are opened also in files that are what their names say, which
 *     shows what a faulty program wrote and takes several times as long
 * @param repairFrom where chunk files that are missing or damaged are fetched from; whoever made it
 *     closes it
 */
public record CheckOptions(
    List<String> names, boolean openValues, Optional<ChunkSource> repairFrom) {
  /** What a check reads that repairs nothing. */
  public CheckOptions(List<String> names, boolean openValues) {
    this(names, openValues, Optional.empty());
  }
}
