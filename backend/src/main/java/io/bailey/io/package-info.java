/** The host's file system as the engine sees it, and the errors that every package shares. */
@NullMarked
package io.bailey.io;

import org.jspecify.annotations.NullMarked;
