/** The bailey command. */
@NullMarked
package io.bailey.cli;

import org.jspecify.annotations.NullMarked;
