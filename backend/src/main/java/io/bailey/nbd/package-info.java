/** The NBD server: codec, handshake, validation, connections and exports. */
@NullMarked
package io.bailey.nbd;

import org.jspecify.annotations.NullMarked;
