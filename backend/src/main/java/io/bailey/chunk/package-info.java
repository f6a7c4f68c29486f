/**
 * Chunks: immutable files named by the SHA-256 of their content, in 64 lower-case hexadecimal
 * digits. What they hold is sealed, so the name proves a file without a key.
 *
 * <pre>
 *  0      6      7         8
 * +------+------+---------+-------------------------
 * |BAILEY| kind | version | sealed values, or nodes …
 * +------+------+---------+-------------------------
 *          V: values, 1 to 4 MiB, ended where a value's tag says so; a run's last may have less
 *          T: the tree of one run
 * </pre>
 *
 * A chunk is written as {@code N.tmp} and renamed once it is whole. It is counted by the runs that
 * refer to it, and deleted with the last of them.
 */
@NullMarked
package io.bailey.chunk;

import org.jspecify.annotations.NullMarked;
