/** The host's one write-ahead log. */
@NullMarked
package io.bailey.journal;

import org.jspecify.annotations.NullMarked;
