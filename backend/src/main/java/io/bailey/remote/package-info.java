/** Other places that have chunk files: directories and HTTP servers. Neither is trusted. */
@NullMarked
package io.bailey.remote;

import org.jspecify.annotations.NullMarked;
