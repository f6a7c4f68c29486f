/**
 * The dubtree: a stack of runs, newest first, in levels that grow 16 times. A run is a B+-tree over
 * values that lie apart from it; a block's value is the one of the first run that has it. The
 * structure follows the disk of Bromium's SWAP and its open descendant Mindcastle.
 *
 * <h2>A run on disk</h2>
 *
 * One tree file and the value files that it refers to, all of them chunks (see {@link
 * io.bailey.chunk}): immutable, and named by the SHA-256 of their bytes.
 *
 * <pre>
 * value file                           tree file
 * +--------------------------+         +---------------------------------------------+
 * | BAILEY V version         |         | BAILEY T version                            |
 * +--------------------------+         +---------------------------------------------+
 * | value | value | value  … | &lt;--+    | leaf | leaf | … | inner … | top | descriptor |
 * +--------------------------+    |    +---------------------------------------------+
 *                                 |         |                       ^         ^
 *   chunk, offset, bytes, nonce, tag -------+                       +---------+-- {@link RunRef}
 *                                                     offset, bytes, nonce, tag    in the root
 * </pre>
 *
 * <p>A value is a block's 4096 bytes, LZ4-compressed where that makes them fewer, sealed with
 * AES-256-GCM. Its tag lies in the leaf, with the nonce and the epoch that it was sealed in, so it
 * may be copied anywhere as it is. A node is encoded ({@link Leaf}, {@link Inner}, {@link
 * Descriptor}), LZ4-compressed likewise, and sealed in the epoch of its tree; its tag lies in
 * whatever points to it ({@link NodePointer}). So the root proves the descriptor, the descriptor
 * the top node, each node its children and each leaf its values: a Merkle tree, in which nothing
 * can be changed, moved or put back without the root.
 *
 * <p>Before the descriptor lies one more node, which the descriptor points to: the blocks that the
 * run has entries for ({@link PresenceSet}). A look-up asks only the runs that have what it looks
 * for.
 *
 * <p>Nodes hold at most 256 entries. Leaves lie in the file in the order of their blocks. All
 * numbers are big-endian or of variable length ({@link io.bailey.io.Encoder}).
 */
@NullMarked
package io.bailey.dubtree;

import org.jspecify.annotations.NullMarked;
