package io.bailey.volume;

import java.util.Optional;

/**
 * What a new volume is to be.
 *
 * @param from the image it starts from; empty for a disk of zeros
 * @param size bytes, a multiple of 512; 0 takes the image's; at least the image's otherwise
 */
public record VolumeSpec(Optional<ImageName> from, long size, Durability durability) {}
