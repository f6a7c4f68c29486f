/** The host daemon: Vert.x wiring, control API, metrics. */
@NullMarked
package io.bailey.daemon;

import org.jspecify.annotations.NullMarked;
