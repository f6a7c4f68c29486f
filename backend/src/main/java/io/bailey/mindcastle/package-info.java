/**
 * Disks that Mindcastle wrote, to be read once: a text file {@code NAME.swap} and the chunks that
 * it leads to. They come from elsewhere, key and all, so nothing in them is trusted to be sensible.
 *
 * <h2>The text file: {@code name=value} lines, of which unknown ones are ignored</h2>
 *
 * <pre>
 * uuid      the chunks lie in the directory swapdata-UUID beside the file
 * size      bytes of the disk
 * key       64 hex digits: of AES-256-GCM, for everything
 * snapshot  HEX64:BYTES, the newest level's tree; none where nothing was written
 * snaphash  32 hex digits: tag of that tree's node 0
 * swapdata  another name of the directory
 * fallback  a directory, or the beginning of a URL, that has chunks too; may repeat
 * </pre>
 *
 * <h2>A tree: {@code HEX64.lvl}, nodes of 32 KiB (little-endian)</h2>
 *
 * <pre>
 * each node: 12 nonce, ciphertext; its tag is in what leads to it
 *   0 u32 type: 1 meta, 2 inner, 3 leaf, 4 user data
 * meta, node 0:  4 u32 root   28 tag of the first user node   48 u32 magic   56 u32 bytes of user data
 *               60 tag of the root   76 the user data, if it has room here
 * inner:         4 u32 keys   8 1258 keys of 6 bytes   7556 1259 u32 children   12592 their tags
 * leaf:          4 u32 keys  28 M keys of 6 bytes      then M values
 *                 magic fedeabe0: M = 1090, u24 chunk, u24 offset, u16 bytes, tag
 *                 magic fedeabe1: M =  962, u32 chunk, u32 offset, u32 bytes, tag
 * user data, the last nodes: 4 tag of the next   20 bytes
 * </pre>
 *
 * <p>A key is the number of a block of 4 KiB. The child of an inner node that has a block is that
 * of the first key not below it, or the last. The user data: 8 i32 the next older level, below 0
 * for none; 16 id, 48 u32 bytes and 56 tag of its tree; 96 u32 number of chunks; 104 chunks of 40
 * bytes, each beginning with 32 of id. A value is 12 bytes of nonce and a block's ciphertext, of
 * 4096 bytes or of an LZ4 block that makes as many. The newest level that has a block counts; a
 * block that none has is zeros.
 */
@NullMarked
package io.bailey.mindcastle;

import org.jspecify.annotations.NullMarked;
