/**
 * Images and volumes: what a store holds, and how a volume turns writes into runs.
 *
 * <h2>A store on disk</h2>
 *
 * <pre>
 * store        BAILEY S version, 16 bytes: the store's id
 * lock         held (fcntl) by the process whose number it has
 * key          32 bytes, 0600: wraps the data keys
 * buffers      16 bytes: the set of write buffers that belongs to this store; zeros after a clean stop
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
 * volumes/     one root an ephemeral volume                     {@link Root}
 * </pre>
 *
 * Every file begins with BAILEY, its kind and its version, but for the three that are nothing but a
 * number: lock, key and buffers.
 */
@NullMarked
package io.bailey.volume;

import org.jspecify.annotations.NullMarked;
