package io.bailey.volume;

import java.time.Instant;

/**
 * An immutable named version of a disk.
 *
 * @param size bytes of the disk
 * @param storedBytes bytes of the chunk files that hold it
 * @param root the SHA-256, in hex, of the sealed root: two images with the same root are the same
 */
public record Image(ImageName name, long size, long storedBytes, String root, Instant created) {}
