/**
 * Images and volumes: what a store holds, and how a volume turns writes into records of the journal
 * and into runs.
 *
 * <h2>A store on disk</h2>
 *
 * <pre>
 * store        that this is a store, and its id                {@link StoreDirectory}
 * lock         held (fcntl) by the process whose number it has
 * keys         how the store opens, and its key-encryption key      {@link KeyRecord}
 * key, key-2 … 32 bytes, 0600: the outer key, unless it is elsewhere or a passphrase
 * anchor       the generations of the roots                    {@link Anchor}
 * buffers      the set of write buffers that belongs to this store     {@link StoreDirectory}
 * chunks/      one file a chunk, named by its SHA-256           {@link io.bailey.chunk}
 * journal/     000000000000.log …                               {@link io.bailey.journal}
 * images/      one root an image, NAME:TAG                      {@link Root}
 * volumes/     one root a durable volume, NAME                  {@link Root}
 * </pre>
 *
 * <h2>What lies in memory beside it (tmpfs)</h2>
 *
 * <pre>
 * slab-0 …     the slots of all write buffers                   {@link SlabPool}
 * log-0 …      what is kept of the journal's segments           {@link io.bailey.journal.KeptIndexes}
 * volumes/     one root an ephemeral volume                     {@link Root}
 * store        the path of the store on disk; nothing else is in it
 * </pre>
 *
 * Every file begins with BAILEY, its kind and its version, but for those that have no more than
 * what stands here: lock, key, and the path of the store. In a slab these 8 bytes are a number in
 * the processor's order, and so begin with the version on x86-64 and aarch64.
 *
 * <h2>Who does what</h2>
 *
 * {@link Store} is what others use. {@link StoreOpener} opens one; then {@link StoreImages}, {@link
 * StoreVolumes} and {@link StoreNames} have what it holds, and {@link StoreContext} what volumes
 * share. {@link Volume} is a disk: {@link VolumeTop} has what lies above its runs, {@link
 * VolumeLog} the part of that in the journal, {@link VolumeRuns} the rest. {@link VolumeReader} and
 * {@link VolumeWriter} serve clients; {@link VolumeLogWriter} brings the buffer into the journal,
 * {@link CheckpointWriter} both into a run, {@link VolumeMerger} runs into one, and {@link
 * VolumeUpkeep} says when, with the threads of {@link Maintenance}.
 */
@NullMarked
package io.bailey.volume;

import org.jspecify.annotations.NullMarked;
