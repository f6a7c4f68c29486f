package io.bailey.volume;

import java.util.List;

/**
 * Counters of one volume since it was opened, and what it holds now. Counts are of 4 KiB blocks
 * where the name says blocks, else bytes.
 *
 * @param bufferBytes memory that its write buffers take
 * @param journalBytes bytes of the journal that this volume still needs
 * @param levelBytes stored bytes of each level, newest first
 * @param guestBytesWritten bytes that clients wrote
 * @param hostBytesWritten bytes written to the host's disk for this volume: journal, values, trees,
 *     roots
 * @param readsFromBuffer blocks that reads found in the write buffer
 * @param readsFromCache blocks found in the block cache
 * @param readsFromDisk blocks read from files of the store, also where the kernel had them in
 *     memory
 * @param readsOfHoles blocks that nothing holds: zeros
 * @param damaged reads that met bytes which aren't the ones that were written
 */
public record VolumeStats(
    long bufferBytes,
    long journalBytes,
    List<Long> levelBytes,
    long guestBytesWritten,
    long hostBytesWritten,
    long readsFromBuffer,
    long readsFromCache,
    long readsFromDisk,
    long readsOfHoles,
    long damaged) {}
