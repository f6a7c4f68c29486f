/** Content-named immutable files: ids, the local store, the shared block cache. */
@NullMarked
package io.bailey.chunk;

import org.jspecify.annotations.NullMarked;
